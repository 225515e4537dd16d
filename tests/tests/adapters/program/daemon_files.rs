//! Configuration files that the daemon refuses.

/// Files that are refused, the line that is named (0 for the whole file), and words of the message.
pub(super) const REFUSED: &[(&str, u32, &[&str])] = &[
    ("{HEAD}{A}colour = 1\n", 8, &["colour", "names", "remove it"]),
    ("contacts = []\n{HEAD}{A}", 1, &["contacts", "contact"]),
    ("folder = 3\n{CA}{A}", 1, &["3", "correct this line"]),
    ("contact = \"me@a.test\"\n{HEAD}{A}", 1, &["a list in [brackets]"]),
    ("contact = [\"me\"]\n{HEAD}{A}", 1, &["mail address"]),
    ("{HEAD}[[certificate]\n", 6, &["correct this line"]),
    ("folder = \"a\n{A}", 1, &["correct this line"]),
    ("{HEAD}[[certificate]]\nnames = [\"a..test\"]\n", 7, &["a..test"]),
    ("{HEAD}[[certificate]]\nnames = [\"https://a.test/\"]\n", 7, &["type a.test"]),
    (
        "{HEAD}[[certificate]]\nnames = [\n  \"a.test\",\n  \"*.a.test\",\n]\n",
        9,
        &["*.a.test", "[dns-01]"],
    ),
    ("{HEAD}[[certificate]]\nnames = []\n", 6, &["no names", "names = "]),
    ("{HEAD}{A}{A}", 8, &["another certificate", "a.test"]),
    ("{HEAD}{A}challenges = [\"http-02\"]\n", 8, &["http-02", "choose http-01"]),
    ("{HEAD}{A}challenges = [\"dns-01\"]\n", 8, &["nothing answers dns-01", "[dns-01]"]),
    ("{HEAD}{A}key = \"dsa\"\n", 8, &["dsa"]),
    ("{HEAD}{A}deploy_hook = \"/nowhere/hook\"\n", 8, &["/nowhere/hook", "not there"]),
    ("{HEAD}[dns-01]\nhook = \"no-such-program x\"\n{A}", 7, &["no-such-program"]),
    ("{HEAD}[dns-01]\n{A}", 6, &["either hook", "dns_update_server"]),
    ("{HEAD}[dns-01]\nhook_dialect = \"lego\"\n{A}", 7, &["hook_dialect needs hook = "]),
    ("{HEAD}[dns-01]\ncleanup_hook = \"true\"\n{A}", 7, &["cleanup_hook needs hook = "]),
    (
        "{HEAD}[dns-01]\nhook = \"true\"\nhook_dialect = \"lega\"\n{A}",
        8,
        &["\"lega\"", "choose plain, lego"],
    ),
    (
        "{HEAD}[dns-01]\nhook = \"true\"\nhook_dialect = \"lego\"\ncleanup_hook = \"true\"\n{A}",
        9,
        &["in the dialect lego, the hook itself cleans up", "leave cleanup_hook out"],
    ),
    (
        "{HEAD}[dns-01]\nhook = \"true\"\nhook_dialect = \"certbot\"\ncleanup_hook = \"no-such\"\n{A}",
        9,
        &["program \"no-such\" is not there"],
    ),
    (
        "{HEAD}[dns-01]\nhook = \"dns_x.sh\"\nhook_dialect = \"acme.sh\"\n{A}",
        7,
        &["script \"dns_x.sh\" is not there"],
    ),
    (
        "folder = \"s\"\n{CA}[http-01]\nhook = \"true\"\nhook_dialect = \"lego\"\n{A}",
        5,
        &["dialect lego publish TXT records only", "leave hook out", "dehydrated"],
    ),
    ("{HEAD}hook = \"true\"\n{A}", 4, &["either listen"]),
    (
        "{HEAD}[dns-01]\nhook = \"true\"\ndns_update_server = \"::1\"\ndns_update_key_file = \"no.key\"\n{A}",
        9,
        &["TSIG key file no.key"],
    ),
    (
        "{HEAD}[dns-01]\ndns_update_server = \"::1\"\n{A}",
        7,
        &["dns_update_server needs the key", "dns_update_key_file = "],
    ),
    (
        "{HEAD}[dns-01]\ndns_update_key_file = \"k\"\n{A}",
        7,
        &["dns_update_key_file needs", "dns_update_server = "],
    ),
    (
        "{HEAD}[dns-01]\nhook = \"true\"\ndns_update_resolver = \"::1\"\n{A}",
        8,
        &["dns_update_resolver needs", "dns_update_server = "],
    ),
    (
        "{HEAD}[dns-01]\ndns_update_server = \"::1\"\ndns_update_key_file = \"no.key\"\n{A}",
        8,
        &["dns_update_key_file: TSIG key file no.key: check that it can be read"],
    ),
    (
        "{HEAD}[dns-01]\ndns_update_server = \"::1:x\"\ndns_update_key_file = \"tsig.key\"\n{A}",
        7,
        &["dns_update_server ::1:x: ", "give the address of a DNS server"],
    ),
    (
        "{HEAD}[dns-01]\ndns_update_server = \"::1\"\ndns_update_resolver = \"::1:x\"\n\
         dns_update_key_file = \"tsig.key\"\n{A}",
        8,
        &["dns_update_resolver ::1:x: "],
    ),
    (
        "{HEAD}[dns-01]\nhook = \"true\"\ndns_update_server = \"::1\"\ndns_update_key_file = \"tsig.key\"\n{A}",
        6,
        &["either hook"],
    ),
    (
        "folder = \"s\"\n[[ca]]\ndirectory = \"embedded-test-ca\"\n[dns-01]\ndns_update_server = \"::1\"\n\
         dns_update_key_file = \"tsig.key\"\n{A}",
        5,
        &["embedded test CA asks no DNS server"],
    ),
    ("{HEAD}webroot = \"www\"\n{A}", 4, &["either listen"]),
    ("folder = \"s\"\n{CA}[http-01]\nwebroot = \"no-www\"\n{A}", 5, &["no-www", "no folder"]),
    ("folder = \"s\"\n{CA}[http-01]\nlisten = \"here\"\n{A}", 5, &["here", "[::]:80"]),
    ("folder = \"s\"\n[[ca]]\ndirectory = \"http://ca.test\"\n{A}", 3, &["https"]),
    ("folder = \"s\"\n[[ca]]\n{A}", 2, &["directory = "]),
    ("folder = \"s\"\n{CA}root_file = \"no.pem\"\n{A}", 4, &["no.pem", "root certificate"]),
    ("folder = \"s\"\n{CA}eab_kid = \"k\"\n{A}", 4, &["eab_key_file"]),
    ("folder = \"s\"\n{CA}eab_kid = \"k\"\neab_key_file = \"no.key\"\n{A}", 5, &["no.key"]),
    ("folder = \"s\"\n{CA}{CA}root_file = \"ca.pem\"\n{A}", 2, &["root_file", "both one, or none"]),
    ("{CA}{A}", 0, &["folder = "]),
    (
        "folder = \"s\"\n[http-01]\nlisten = \"127.0.0.1:0\"\n{A}",
        0,
        &["[[ca]]", "embedded-test-ca"],
    ),
    ("folder = \"s\"\n{CA}{A}", 0, &["[http-01]", "[dns-01]"]),
    ("{HEAD}", 0, &["[[certificate]]"]),
];

/// Returns a file of the table with what stands for its braces.
pub(super) fn written(text: &str) -> String {
    text.replace("{HEAD}", HEAD).replace("{CA}", CA).replace("{A}", A)
}

const CA: &str = "[[ca]]\ndirectory = \"https://ca.test/dir\"\n";
/// What stands in a configuration before its certificates.
const HEAD: &str = "folder = \"state\"\n[[ca]]\ndirectory = \"https://ca.test/dir\"\n[http-01]\nlisten = \"127.0.0.1:0\"\n";
const A: &str = "[[certificate]]\nnames = [\"a.test\"]\n";
