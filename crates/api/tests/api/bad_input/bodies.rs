//! Bodies: wrong types, fields that are too many, twice or too long, lists where objects are meant, and what is no JSON.

use serde_json::{Value, json};

use crate::client::{Client, Sent};

use super::scene::{Operation, Scene, kind, refusal};

/// The status, the code and the field.
type Said = (u16, String, Option<String>);
type Refused = Result<Said, String>;

/// Sends a body as it is to an operation.
async fn send(scene: &Scene, operation: &Operation, body: impl Into<Vec<u8>>) -> Refused {
    let request = scene.request(operation).header("content-type", "application/json");
    refusal(&scene.send(request.body(body.into())).await)
}

/// The text of an object, with one field first and as it is written.
fn with_first(rest: &Value, name: &str, written: &str) -> String {
    let others = rest.as_object().unwrap().iter().filter(|(other, _)| *other != name);
    let others: String = others
        .map(|(name, value)| format!(",{}:{value}", json!(name)))
        .collect();
    format!("{{{}:{written}{others}}}", json!(name))
}

/// What is of another type than a schema's.
fn wrong(schema: &Value) -> Vec<&'static str> {
    match kind(schema) {
        "string" => vec!["7", "true", "[]", "{}", "[\"a\"]"],
        "integer" => vec![
            "\"7\"",
            "1.5",
            "-1.5",
            "1e400",
            "-1e400",
            "99999999999999999999999999",
            "true",
            "[]",
            "{}",
            "NaN",
            "-0x1",
        ],
        "boolean" => vec!["\"true\"", "1", "0", "[]", "{}"],
        "array" => vec!["7", "\"a\"", "{}", "{\"0\":\"a\"}", "true"],
        "object" => vec![
            "7",
            "\"a\"",
            "[]",
            "[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\"]",
            "[1,2,3,4,5]",
            "[null,null,null,null,null,null]",
        ],
        // Anything: the handler reads it itself.
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn a_value_of_another_type_is_refused_by_its_name() {
    let scene = Scene::new().await;
    let before = scene.state().await;
    let (mut faults, mut asked) = (Vec::new(), 0);
    for operation in scene.operations() {
        let Some(schema) = scene.body_of(&operation) else {
            continue;
        };
        let sample = scene.sample(schema);
        for (name, field) in scene.fields(schema) {
            for written in wrong(field) {
                asked += 1;
                let came = send(&scene, &operation, with_first(&sample, name, written)).await;
                // What is no JSON at all has no fields.
                let is_json = serde_json::from_str::<Value>(written).is_ok();
                let is_named = |named: &Option<String>| match named {
                    Some(named) => named == name || named.starts_with(&format!("{name}.")),
                    None => !is_json,
                };
                let fits = matches!(&came, Ok((400, code, named)) if code == "VALIDATION" && is_named(named));
                if !fits {
                    faults.push(format!("{} with `{name}: {written}`: {came:?}", operation.name));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(asked > 200, "{asked}");
    scene.is_as(&before).await;
}

#[tokio::test]
async fn a_field_that_is_unknown_twice_missing_or_too_long_is_refused_by_its_name() {
    let scene = Scene::new().await;
    let before = scene.state().await;
    let (mut faults, mut asked) = (Vec::new(), 0);
    for operation in scene.operations() {
        let Some(schema) = scene.body_of(&operation) else {
            continue;
        };
        let sample = scene.sample(schema);
        let fields = scene.fields(schema);
        let mut bodies = vec![(with_first(&sample, "surprise", "1"), "surprise".to_owned())];
        for (name, field) in &fields {
            let written = scene.sample(field).to_string();
            let twice = format!("{{{name:?}:{written},{name:?}:{written}}}");
            bodies.push((twice, (*name).to_owned()));
            if let Some(most) = field["maxLength"].as_u64() {
                let long = json!("a".repeat(usize::try_from(most).unwrap() + 1)).to_string();
                bodies.push((with_first(&sample, name, &long), (*name).to_owned()));
            }
        }
        for required in schema["required"].as_array().into_iter().flatten() {
            let mut less = sample.clone();
            let name = required.as_str().unwrap();
            less.as_object_mut().unwrap().remove(name);
            // A field that takes anything is missed where it is read.
            let is_read_here = !kind(fields[name]).is_empty();
            bodies.extend(is_read_here.then(|| (less.to_string(), name.to_owned())));
        }
        for (body, field) in bodies {
            asked += 1;
            let came = send(&scene, &operation, body.clone()).await;
            if came != Ok((400, "VALIDATION".to_owned(), Some(field.clone()))) {
                let shown: String = body.chars().take(200).collect();
                faults.push(format!(
                    "{} with {shown}, where `{field}` is wrong: {came:?}",
                    operation.name
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(asked > 100, "{asked}");
    scene.is_as(&before).await;
}

#[tokio::test]
async fn what_is_no_object_of_json_is_refused_whole() {
    let scene = Scene::new().await;
    let before = scene.state().await;
    let deep = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let invalid = || (400, "VALIDATION".to_owned(), None);
    let too_large = || (413, "TOO_LARGE".to_owned(), None);
    let bodies: Vec<(Vec<u8>, Said)> = vec![
        (b"".to_vec(), invalid()),
        (b" \n\t ".to_vec(), invalid()),
        (b"null".to_vec(), invalid()),
        (b"7".to_vec(), invalid()),
        (b"\"text\"".to_vec(), invalid()),
        (b"[]".to_vec(), invalid()),
        (b"[[]]".to_vec(), invalid()),
        (b"[\"a\",\"b\",\"c\",\"d\",\"e\"]".to_vec(), invalid()),
        (b"[{}]".to_vec(), invalid()),
        (b"{".to_vec(), invalid()),
        (b"{}}".to_vec(), invalid()),
        (b"{\"a\"}".to_vec(), invalid()),
        (b"{'a':1}".to_vec(), invalid()),
        (b"a=1&b=2".to_vec(), invalid()),
        ("\u{feff}{}".as_bytes().to_vec(), invalid()),
        (b"{\"\xff\":1}".to_vec(), invalid()),
        (b"{\"a\":\"\xed\xa0\x80\"}".to_vec(), invalid()),
        (b"\xff\xfe{\0}\0".to_vec(), invalid()),
        (br#"{"a":"\u0000"}"#.to_vec(), invalid()),
        (deep(100).into_bytes(), too_large()),
        (deep(100_000).into_bytes(), too_large()),
    ];
    let mut faults = Vec::new();
    for operation in scene.operations() {
        if scene.body_of(&operation).is_none() {
            continue;
        }
        for (body, expected) in &bodies {
            let came = send(&scene, &operation, body.clone()).await;
            // An object that is cut off may be found so in a field.
            let fits = matches!(&came, Ok((status, code, _)) if (*status, code) == (expected.0, &expected.1));
            if !fits {
                let shown: String = String::from_utf8_lossy(body).chars().take(60).collect();
                faults.push(format!("{} with {shown:?}: {came:?}", operation.name));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    scene.is_as(&before).await;
}

#[tokio::test]
async fn json_comes_as_json() {
    let scene = Scene::new().await;
    let before = scene.state().await;
    let mut faults = Vec::new();
    for operation in scene.operations() {
        let Some(schema) = scene.body_of(&operation) else {
            continue;
        };
        let body = scene.sample(schema).to_string();
        for kind in [
            None,
            Some(""),
            Some("text/plain"),
            Some("text/plain; application/json"),
            Some("application/x-www-form-urlencoded"),
            Some("multipart/form-data; boundary=x"),
            Some("application/jsonp"),
            Some("application/json-patch+json"),
        ] {
            let request = scene.request(&operation).body(body.clone());
            let request = match kind {
                Some(kind) => request.header("content-type", kind),
                None => request,
            };
            let came = refusal(&scene.send(request).await);
            if came != Ok((415, "UNSUPPORTED_MEDIA_TYPE".to_owned(), None)) {
                faults.push(format!("{} as {kind:?}: {came:?}", operation.name));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    scene.is_as(&before).await;
}

#[tokio::test]
async fn a_huge_body_is_refused_before_it_is_read() {
    let client = Client::new().await;
    let ada = client.sign_up("ada").await;
    let huge = format!("{{\"name\":\"{}\"}}", "x".repeat(1024 * 1024)).into_bytes();
    for (method, path) in [("POST", "/projects"), ("PATCH", "/account"), ("POST", "/auth/sign-in")] {
        let body = Sent::Bytes("application/json", huge.clone());
        let answered = client.send(Some(ada.token.expose()), method, path, body).await;
        assert_eq!(answered.error(), (413, "TOO_LARGE".to_owned(), None), "{path}");
    }
    assert_eq!(client.get(&ada, "/projects").await.body()["data"], json!([]));
}
