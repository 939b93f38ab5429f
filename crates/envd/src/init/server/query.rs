//! Query strings.

/// The parameters of a request, percent-decoded. Of a repeated name the first counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads what follows the question mark. Parts that are no UTF-8 after decoding are left out.
    pub(crate) fn parse(query: Option<&str>) -> Self {
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .filter_map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    Some((decode(name)?, decode(value)?))
                })
                .collect(),
        )
    }

    /// The value of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Percent-decoding; a plus sign is a space, a broken escape stands for itself.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let decoded = match (first, after) {
            (b'%', [high, low, tail @ ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| {
                rest = tail;
                high * 16 + low
            }),
            (b'+', _) => Some(b' '),
            _ => None,
        };
        bytes.push(decoded.unwrap_or(*first));
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_and_the_first_counts() {
        let query = Query::parse(Some("path=%2Ftmp%2fa+b%C3%BC&empty&path=2&x=1=2&bad=%ff&half=%2"));
        assert_eq!(query.get("path"), Some("/tmp/a bü"));
        assert_eq!(query.get("empty"), Some(""));
        assert_eq!(query.get("x"), Some("1=2"));
        assert_eq!(query.get("bad"), None);
        assert_eq!(query.get("half"), Some("%2"));
        assert_eq!(Query::parse(None).get("path"), None);
    }
}
