//! How the page looks, and the policy that allows exactly this style and nothing else.

/// The style.
pub(super) const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--soft:#8881}\
*{box-sizing:border-box}\
body{font:15px/1.55 system-ui,sans-serif;margin:0;display:grid;grid-template-columns:16rem minmax(0,1fr)}\
nav{border-right:1px solid var(--line);padding:1.5rem 1rem;position:sticky;top:0;height:100vh;overflow:auto}\
nav a{display:block;padding:.15rem .4rem;color:inherit;text-decoration:none;border-radius:4px}\
nav a:hover,nav a:focus{background:var(--soft);text-decoration:underline}\
main{padding:1.5rem 2rem;max-width:60rem}\
h1{font-size:1.5rem}h2{margin-top:2.5rem;border-bottom:1px solid var(--line)}h3{margin:1.8rem 0 .2rem;font-size:1rem}\
code,pre{font-family:ui-monospace,monospace;font-size:.92em}\
pre{background:var(--soft);padding:.6rem .8rem;border-radius:6px;overflow:auto;white-space:pre-wrap}\
table{border-collapse:collapse;width:100%;margin:.4rem 0}\
th,td{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--line)}\
.method{display:inline-block;min-width:4.2rem;font-weight:700}\
.access{font-size:.88em;opacity:.85}\
details{margin:.4rem 0}summary{cursor:pointer}\
@media(max-width:50rem){body{display:block}nav{position:static;height:auto;border:0}}";

/// Allows the style above, by its digest, and nothing else. A test keeps it in step.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'sha256-9PgN+dpRwJETPc3HPawDIjGBbzFfQaYn5oDFQGW1J6M='; frame-ancestors 'none'; \
     base-uri 'none'; form-action 'none'";

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn the_policy_allows_this_style() {
        let digest = STANDARD.encode(Sha256::digest(STYLE));
        assert!(POLICY.contains(&format!("'sha256-{digest}'")), "sha256-{digest}");
    }
}
