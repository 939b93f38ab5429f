//! A browser without a screen: keeps cookies, and goes where it is sent one step at a time.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use reqwest::{Url, header};

/// A browser with its cookies.
#[derive(Debug)]
pub struct Browser {
    client: reqwest::Client,
    /// By host and port, since the servers of a test share one host.
    cookies: Mutex<BTreeMap<(String, String), String>>,
}

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Page {
    /// Where the browser is.
    pub url: Url,
    /// The status.
    pub status: u16,
    /// Where it is sent on to, resolved.
    pub location: Option<Url>,
    /// The cookies that were set, as they were written.
    pub set_cookies: Vec<String>,
    /// The text of the page.
    pub body: String,
}

impl Default for Browser {
    fn default() -> Self {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tls_certs_only([])
            .build();
        Self {
            client: client.expect("a client"),
            cookies: Mutex::default(),
        }
    }
}

impl Browser {
    /// Goes to an address, and no further.
    ///
    /// # Panics
    /// When nothing answers there.
    pub async fn open(&self, url: &str) -> Page {
        let url: Url = url.parse().expect("an address");
        let request = self
            .client
            .get(url.clone())
            .header(header::COOKIE, self.cookies_of(&url));
        let response = request.send().await.expect("an answer");
        let text_of = |value: &header::HeaderValue| value.to_str().expect("readable headers").to_owned();
        let set_cookies: Vec<String> = response
            .headers()
            .get_all(header::SET_COOKIE)
            .iter()
            .map(text_of)
            .collect();
        for cookie in &set_cookies {
            self.keep(&url, cookie);
        }
        let location = response.headers().get(header::LOCATION).map(text_of);
        Page {
            status: response.status().as_u16(),
            location: location.map(|location| url.join(&location).expect("an address to go on to")),
            set_cookies,
            body: response.text().await.expect("text"),
            url,
        }
    }

    /// Goes to an address and follows where it is sent, signing in on the provider's page as `account`, until an address
    /// begins with `stop`, which it does not open.
    ///
    /// # Panics
    /// When it gets nowhere.
    pub async fn follow(&self, url: &str, account: &str, stop: &str) -> Url {
        let mut next: Url = url.parse().expect("an address");
        for _ in 0..20 {
            if next.as_str().starts_with(stop) {
                return next;
            }
            if next.path().starts_with("/interaction/") && next.query().is_none() {
                next.query_pairs_mut().append_pair("as", account);
            }
            let page = self.open(next.as_str()).await;
            next = page
                .location
                .unwrap_or_else(|| panic!("stuck at {} {}: {}", page.status, page.url, page.body));
        }
        panic!("in circles at {next}");
    }

    /// A cookie that a server set.
    #[must_use]
    pub fn cookie(&self, url: &str, name: &str) -> Option<String> {
        let url: Url = url.parse().expect("an address");
        self.cookies.lock().get(&(authority(&url), name.to_owned())).cloned()
    }

    fn cookies_of(&self, url: &Url) -> String {
        let authority = authority(url);
        let cookies = self.cookies.lock();
        let pairs = cookies.iter().filter(|((owner, _), _)| *owner == authority);
        pairs
            .map(|((_, name), value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("; ")
    }

    fn keep(&self, url: &Url, cookie: &str) {
        let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
        let (name, value) = pair.split_once('=').expect("a cookie");
        let key = (authority(url), name.trim().to_owned());
        let attributes = attributes.to_ascii_lowercase();
        let is_gone = attributes.contains("max-age=0") || attributes.contains("expires=thu, 01 jan 1970");
        if is_gone {
            self.cookies.lock().remove(&key);
        } else {
            self.cookies.lock().insert(key, value.to_owned());
        }
    }
}

fn authority(url: &Url) -> String {
    url.authority().to_owned()
}
