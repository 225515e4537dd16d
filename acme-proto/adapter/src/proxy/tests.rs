use super::*;

fn proxy(variables: &[(&str, &str)]) -> Proxy {
    Proxy::from_variables(|name| {
        variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
    })
}

fn through(proxy: &Proxy, url: &str) -> Option<String> {
    let url: Url = url.parse().expect("a URL");
    proxy.for_url(&url).map(|target| target.authority())
}

#[test]
fn without_variables_nothing_is_proxied() {
    assert_eq!(through(&proxy(&[]), "https://ca.example/"), None);
    assert_eq!(through(&proxy(&[("HTTPS_PROXY", " ")]), "https://ca.example/"), None);
    assert_eq!(through(&Proxy::none(), "https://ca.example/"), None);
}

#[test]
fn the_variable_of_the_scheme_decides_in_capitals_or_not() {
    let proxy = proxy(&[("HTTPS_PROXY", "http://secure:8080"), ("http_proxy", "plain:3128/")]);
    assert_eq!(through(&proxy, "https://ca.example/").as_deref(), Some("secure:8080"));
    assert_eq!(through(&proxy, "http://ca.example/").as_deref(), Some("plain:3128"));
}

#[test]
fn a_proxy_without_port_gets_that_of_curl() {
    for (text, authority) in [
        ("proxy.example", "proxy.example:1080"),
        ("http://proxy.example", "proxy.example:1080"),
        ("HTTP://[2001:db8::1]", "[2001:db8::1]:1080"),
        ("http://[2001:db8::1]:80", "[2001:db8::1]:80"),
    ] {
        let proxy = proxy(&[("https_proxy", text)]);
        assert_eq!(through(&proxy, "https://ca.example/").as_deref(), Some(authority), "{text}");
    }
}

#[test]
fn a_cgi_program_does_not_believe_http_proxy() {
    let variables = [("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "evil:80")];
    assert_eq!(through(&proxy(&variables), "http://ca.example/"), None);
}

#[test]
fn loopback_is_never_proxied() {
    let proxy = proxy(&[("HTTPS_PROXY", "p:1")]);
    for host in ["localhost", "127.0.0.1:14000", "[::1]", "a.localhost"] {
        assert_eq!(through(&proxy, &format!("https://{host}/")), None, "{host}");
    }
}

#[test]
fn no_proxy_covers_names_addresses_networks_and_ports() {
    let no_proxy =
        "example.org, .example.net,10.0.0.0/8 192.0.2.1,[2001:db8::]/32,only.example:8443";
    let proxy = proxy(&[("HTTPS_PROXY", "p:1"), ("NO_PROXY", no_proxy)]);
    for (host, covered) in [
        ("example.org", true),
        ("ca.EXAMPLE.org", true),
        ("notexample.org", false),
        ("example.org.evil.com", false),
        ("ca.example.net", true),
        ("10.1.2.3", true),
        ("11.1.2.3", false),
        ("192.0.2.1", true),
        ("192.0.2.2", false),
        ("[2001:db8::5]", true),
        ("[2001:db9::5]", false),
        ("only.example:8443", true),
        ("only.example", false),
    ] {
        let found = through(&proxy, &format!("https://{host}/"));
        assert_eq!(found.is_none(), covered, "{host}");
    }
}

#[test]
fn a_star_turns_the_proxy_off_and_odd_networks_cover_what_they_say() {
    let everything = proxy(&[("HTTPS_PROXY", "p:1"), ("no_proxy", "*")]);
    assert_eq!(through(&everything, "https://ca.example/"), None);
    let all_addresses = proxy(&[("HTTPS_PROXY", "p:1"), ("no_proxy", "0.0.0.0/0,::/0")]);
    assert_eq!(through(&all_addresses, "https://192.0.2.1/"), None);
    assert_eq!(through(&all_addresses, "https://[2001:db8::1]/"), None);
    assert!(through(&all_addresses, "https://ca.example/").is_some());
}

#[test]
fn what_is_no_http_proxy_is_named_and_not_gone_around() {
    for text in ["socks5://me:secret@p:1080", "https://me:secret@p:443", "ftp://me:secret@p"] {
        let target = through(&proxy(&[("HTTPS_PROXY", text)]), "https://ca.example/");
        let target = target.expect("no way around it");
        assert!(target.contains(text.split(':').next().expect("a scheme")), "{target}");
        assert!(!target.contains("secret"), "{target}");
    }
}

#[test]
fn a_proxy_of_another_kind_is_refused_with_what_to_do() {
    for text in ["socks5://me:secret@p:1080", "https://p:443"] {
        let refused = ProxyTarget::new(text).check().expect_err("of another kind");
        assert!(matches!(refused, Lost::Blocked(_)), "{refused:?}");
        let refused = refused.to_string();
        assert!(refused.contains("only http:// proxies"), "{refused}");
        assert!(refused.contains(text.split("://").next().expect("a scheme")), "{refused}");
        assert!(!refused.contains("secret"), "{refused}");
    }
    assert_eq!(ProxyTarget::new("p:3128").check(), Ok(()));
}

#[test]
fn the_proxy_for_all_counts_after_that_of_the_scheme() {
    let all = proxy(&[("ALL_PROXY", "all:1")]);
    assert_eq!(through(&all, "https://ca.example/").as_deref(), Some("all:1"));
    assert_eq!(through(&all, "http://ca.example/").as_deref(), Some("all:1"));
    let both = proxy(&[("all_proxy", "all:1"), ("HTTPS_PROXY", "own:2")]);
    assert_eq!(through(&both, "https://ca.example/").as_deref(), Some("own:2"));
}

#[test]
fn a_tunnel_is_asked_for_with_the_user_and_password_decoded() {
    let target = ProxyTarget::new("http://me:p%40ss%zz@proxy:3128");
    let request = target.connect_request(&"https://[2001:db8::1]/dir".parse().expect("a URL"));
    let expected = "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\
                    Proxy-Authorization: Basic bWU6cEBzcyV6eg==\r\n\r\n";
    assert_eq!(String::from_utf8(request).expect("text"), expected);
    assert!(!format!("{target:?}").contains("bWU6"));
}

#[test]
fn the_answer_to_connect_is_judged_by_its_status() {
    let check = |head: &[u8]| {
        let mut answer = ConnectAnswer::default();
        for octet in head {
            if answer.push(*octet)? {
                return Ok(true);
            }
        }
        Ok::<_, Lost>(false)
    };
    assert_eq!(check(b"HTTP/1.1 200 Connection established\r\n\r\n"), Ok(true));
    assert_eq!(check(b"HTTP/1.1 200 Connection established\r\n"), Ok(false));
    assert_eq!(check(b"HTTP/1.1 200 Connection established\nVia: x\n\n"), Ok(true));
    let refused = |head: &[u8], words: &str| {
        let lost = check(head).expect_err("no tunnel");
        assert!(lost.to_string().contains(words), "{lost}");
        matches!(lost, Lost::Blocked(_))
    };
    // Only the user can change these.
    assert!(refused(b"HTTP/1.0 403 No\n\n", "403"));
    assert!(refused(b"HTTP/1.0 407 No\r\n\r\n", "password"));
    assert!(refused(b"HTTP/1.1 403 No\r\n\r\n", "403"));
    assert!(!refused(b"HTTP/1.1 503 No\r\n\r\n", "503"));
    assert!(!refused(&[b'x'; 9000], "too long"));
    for head in [&b"SSH-2.0-OpenSSH\r\n\r\n"[..], b"\r\n\r\n", b"HTTP/1.1\r\n\r\n", b"\xff\r\n\r\n"]
    {
        assert!(!refused(head, "not HTTP"));
    }
}
