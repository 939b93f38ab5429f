//! Whoever is at the door: where they come from and what they say they use. Not a proof of anything.

use std::net::{IpAddr, Ipv6Addr};

/// The most characters that are kept of what a device says it is.
const MOST_DEVICE_CHARACTERS: usize = 160;

/// Whoever sends a request before it is known who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// The network address that the request came from.
    pub address: IpAddr,
    /// What the device says it is, shortened.
    pub device: String,
}

/// How the token of a session reaches its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// In a cookie.
    Cookie,
    /// In the answer's body, for programs.
    Token,
}

impl Visitor {
    /// A visitor from an address, with the user agent of the request.
    #[must_use]
    pub fn new(address: IpAddr, user_agent: Option<&str>) -> Self {
        let safe = |character: &char| !character.is_control();
        let device = user_agent.unwrap_or_default().trim();
        Self {
            address: address.to_canonical(),
            device: device.chars().filter(safe).take(MOST_DEVICE_CHARACTERS).collect(),
        }
    }

    /// What one customer of a network provider has: an IPv4 address, or a whole IPv6 /64.
    pub(super) fn network(&self) -> String {
        match self.address.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let prefix = address.to_bits() & !u128::from(u64::MAX);
                format!("{}/64", Ipv6Addr::from_bits(prefix))
            }
        }
    }
}

impl From<Delivery> for codecourier_store::accounts::Delivery {
    fn from(delivery: Delivery) -> Self {
        match delivery {
            Delivery::Cookie => Self::Cookie,
            Delivery::Token => Self::Token,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visitor(address: &str, user_agent: &str) -> Visitor {
        Visitor::new(address.parse().unwrap(), Some(user_agent))
    }

    #[test]
    fn a_network_is_what_one_customer_has() {
        assert_eq!(visitor("192.0.2.7", "").network(), "192.0.2.7");
        assert_eq!(visitor("::ffff:192.0.2.7", "").network(), "192.0.2.7");
        let neighbours = ["2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"];
        for address in neighbours {
            assert_eq!(visitor(address, "").network(), "2001:db8:1:2::/64");
        }
        assert_ne!(
            visitor("2001:db8:1:3::1", "").network(),
            visitor(neighbours[0], "").network()
        );
    }

    #[test]
    fn a_device_is_short_and_harmless() {
        let device = visitor("::1", &format!(" Fire\u{0}fox\r\n{}", "x".repeat(500))).device;
        assert!(device.starts_with("Firefoxxx") && device.chars().count() == MOST_DEVICE_CHARACTERS);
        assert_eq!(Visitor::new("::1".parse().unwrap(), None).device, "");
    }
}
