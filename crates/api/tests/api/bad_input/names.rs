//! Names in every script, and texts that are made to deceive: kept as they are, or refused by their field.

use serde_json::{Value, json};

use super::scene::{Scene, refusal};

const NAMES: [&str; 14] = [
    "Größe & Söhne",
    "Магазин",
    "商店",
    "お店",
    "가게",
    "متجر",
    "חנות",
    "दुकान",
    "ร้าน",
    "Κατάστημα",
    "მაღაზია",
    "ሱቅ",
    "🏪 shop",
    "O'Brien; DROP TABLE project; --<script>",
];

/// Controls, and marks that turn the direction of what follows or show nothing at all.
const DECEIVING: [&str; 12] = [
    "",
    " ",
    "\u{a0}\u{3000}",
    "a\nb",
    "a\tb",
    "a\u{1b}[31mb",
    "a\u{7f}",
    "a\u{202e}b",
    "a\u{2066}b",
    "a\u{feff}b",
    "a\u{85}b",
    "\u{200b}",
];

/// Where a name is given, what else is given with it, and where it is read again.
fn named(name: &str) -> [(&'static str, &'static str, Value); 3] {
    [
        ("POST", "/projects", json!({ "name": name })),
        (
            "POST",
            "/projects/shop/keys",
            json!({ "name": name, "permissions": ["runs:read"] }),
        ),
        ("PATCH", "/account", json!({ "name": name })),
    ]
}

#[tokio::test]
async fn a_name_in_any_script_comes_back_as_it_went() {
    let scene = Scene::new().await;
    for name in NAMES {
        for (method, address, body) in named(name) {
            let request = scene.furnished.server.request(method.parse().unwrap(), address);
            let answer = scene
                .send(request.bearer_auth(&scene.furnished.owner.token).json(&body))
                .await;
            assert!(answer.status.is_success(), "{address} {name}: {}", answer.text);
            let data = answer.data();
            let kept = data["key"].as_object().map_or(&data["name"], |key| &key["name"]);
            assert_eq!(kept, name, "{address}");
            if address == "/projects" {
                let slug = data["slug"].as_str().unwrap();
                let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
                assert!(slug.len() >= 2 && slug.bytes().all(is_plain), "{name}: {slug}");
            }
        }
    }
}

#[tokio::test]
async fn a_name_that_deceives_is_refused() {
    let scene = Scene::new().await;
    let before = scene.state().await;
    let mut faults = Vec::new();
    for name in DECEIVING {
        for (method, address, body) in named(name) {
            let request = scene.furnished.server.request(method.parse().unwrap(), address);
            let answer = scene
                .send(request.bearer_auth(&scene.furnished.owner.token).json(&body))
                .await;
            let came = refusal(&answer);
            if came != Ok((400, "VALIDATION".to_owned(), Some("name".to_owned()))) {
                faults.push(format!("{address} {name:?}: {came:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    scene.is_as(&before).await;
}

#[tokio::test]
async fn a_slug_is_small_letters_digits_and_single_hyphens() {
    let scene = Scene::new().await;
    let before = scene.state().await;
    let long = "a".repeat(49);
    let mut faults = Vec::new();
    for slug in [
        "",
        "a",
        "Shop",
        "sh op",
        "sh_op",
        "sh--op",
        "-shop",
        "shop-",
        "sh/op",
        "sh.op",
        "..",
        "shöp",
        "магазин",
        "商店",
        "ｓｈｏｐ",
        "shop\u{202e}",
        "shop\n",
        "shop\u{200b}",
        "%2e%2e",
        "shop?x",
        "shop#x",
        "\u{131}i",
        long.as_str(),
    ] {
        let body = json!({ "name": "Fine", "slug": slug });
        let answer = scene
            .furnished
            .server
            .post(&scene.furnished.owner.token, "/projects", body)
            .await;
        let came = refusal(&answer);
        if came != Ok((400, "VALIDATION".to_owned(), Some("slug".to_owned()))) {
            faults.push(format!("{slug:?}: {came:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    scene.is_as(&before).await;
}
