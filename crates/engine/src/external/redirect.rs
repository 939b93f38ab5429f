//! Where a person goes after signing in: an address that strangers may have written.
//!
//! Invariant: it leads to a page of this server. What browsers take for the address of another one (`//host`, `/\host`,
//! with white space anywhere) leads to the first page instead.

/// The longest address that is kept.
const MAX_BYTES: usize = 1_000;
/// The first page.
const HOME: &str = "/";

/// The same address if it is a page of ours.
pub(super) fn safe(wanted: Option<&str>) -> String {
    let wanted = wanted.unwrap_or(HOME);
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    let is_ours = wanted.len() <= MAX_BYTES
        && wanted.starts_with('/')
        && !wanted.starts_with("//")
        && wanted.bytes().all(is_plain)
        // A page, and not a call of the API: those are for programs, and some would begin the next sign-in.
        && !wanted.to_ascii_lowercase().starts_with("/api");
    let chosen = if is_ours { wanted } else { HOME };
    chosen.to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pages_of_ours_are_kept() {
        for page in ["/", "/projects/clock?tab=runs#last", "/%2f%2fexample.org", "/a//b"] {
            assert_eq!(safe(Some(page)), page);
        }
        assert_eq!(safe(None), "/");
    }

    #[test]
    fn other_servers_pages_are_not() {
        let long = format!("/{}", "a".repeat(2_000));
        for foreign in [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "\n//evil.example",
            "/\r\nSet-Cookie: a=b",
            "javascript:alert(1)",
            "evil.example",
            "",
            " /",
            "/ü",
            "/api/v1/auth/providers/github/start",
            &long,
        ] {
            assert_eq!(safe(Some(foreign)), "/", "{foreign:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_in_a_page_of_ours_goes_out(wanted in ".*|/[/\\\\a-z\t\n]*") {
            let chosen = safe(Some(&wanted));
            prop_assert!(chosen.starts_with('/') && !chosen[1..].starts_with(['/', '\\']));
            prop_assert!(chosen.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
}
