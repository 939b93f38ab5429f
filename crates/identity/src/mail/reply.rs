//! What a mail server said, as far as it may be shown to whoever runs this server.
//!
//! Mail servers like to repeat what they refuse: the address, a link in the message. Invariant: neither is in a
//! [`Reply`], whatever a server says; and it is one short line.

use std::fmt;

/// The longest reply that is kept, in characters.
const MOST_CHARACTERS: usize = 200;

/// What a mail server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply(String);

impl Reply {
    /// A reply in words that somebody else chose.
    #[must_use]
    pub fn new(code: Option<u16>, said: &str) -> Self {
        let words = said.split(|character: char| character.is_whitespace() || character.is_control());
        let words = words.filter(|word| !word.is_empty()).map(|word| {
            // Addresses, links, and what a link or an encoding of one is made of.
            let tells = word.contains(['@', '/', '#', '=', '%']) || word.chars().count() > 40;
            if tells { "…" } else { word }
        });
        let code = code.map(|code| code.to_string());
        let text: Vec<&str> = code.as_deref().into_iter().chain(words).collect();
        Self(text.join(" ").chars().take(MOST_CHARACTERS).collect())
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_says_why_and_neither_whom_nor_what() {
        let said = "5.1.1 <ada@example.org>: no such mailbox\r\nin https://x.example/#token=cco_secret cco_secret%20";
        let reply = Reply::new(Some(550), said).to_string();
        assert_eq!(reply, "550 5.1.1 … no such mailbox in … …");
        assert_eq!(Reply::new(None, "connection refused").to_string(), "connection refused");
        assert!(Reply::new(Some(451), &"no ".repeat(1000)).to_string().len() <= 200);
        let token = "x".repeat(43);
        assert!(!Reply::new(Some(554), &token).to_string().contains(&token));
    }
}
