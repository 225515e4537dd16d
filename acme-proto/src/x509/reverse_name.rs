//! Reverse-mapping names of addresses (RFC 1035 Section 3.5, RFC 3596 Section 2.5).

use alloc::format;
use alloc::string::String;
use core::net::IpAddr;

/// Returns the name that a tls-alpn-01 server sends as SNI to validate an address.
///
/// It lies in `in-addr.arpa` or `ip6.arpa` and has no trailing dot (RFC 8738 Section 6).
pub fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            // 32 nibbles with a dot each, and the suffix of eight.
            let mut name = String::with_capacity(72);
            for octet in address.octets().iter().rev() {
                name.push_str(&format!("{:x}.{:x}.", octet & 0x0f, octet >> 4));
            }
            name.push_str("ip6.arpa");
            name
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {

    use super::*;

    #[test]
    fn addresses_are_reversed_by_octet_and_by_nibble() {
        // covers 8738-6-2
        assert_eq!(reverse_name("192.0.2.1".parse().unwrap()), "1.2.0.192.in-addr.arpa");
        assert_eq!(
            reverse_name("2001:db8::1".parse().unwrap()),
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
        );
    }
}
