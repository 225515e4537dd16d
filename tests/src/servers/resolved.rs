//! Programs that know no other resolver than the system's, and no other ports than 80 and 443.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;

use super::{Process, target_dir};

/// Starts `program` in a mount namespace in which `/etc/resolv.conf` names the DNS server at port 53 of `resolver`.
///
/// # Errors
///
/// The files of the run cannot be written, or there is no `sh`. Whoever is not root gets a process that ends at once,
/// with the reason in its log.
pub(super) fn start_resolved<'a>(
    dir: &Path,
    resolver: IpAddr,
    program: &Path,
    arguments: impl IntoIterator<Item = &'a OsStr>,
    variables: impl IntoIterator<Item = (&'a str, String)>,
    log: &Path,
) -> std::io::Result<Process> {
    let conf = dir.join("resolv.conf");
    fs::write(&conf, format!("nameserver {resolver}\noptions timeout:1 attempts:2\n"))?;
    let script = r#"mount --bind "$0" /etc/resolv.conf && exec "$@""#;
    let mut line: Vec<OsString> = ["-m", "sh", "-c", script].map(OsString::from).to_vec();
    line.extend([conf.into_os_string(), program.as_os_str().to_owned()]);
    line.extend(arguments.into_iter().map(OsStr::to_owned));
    let line = line.iter().map(OsString::as_os_str);
    let process = Process::start(Path::new("unshare"), line, variables, log)?;
    Ok(process.called(program))
}

/// Returns a loopback address whose ports 53, 80 and 443 are free, and that no other caller gets for a long time.
///
/// # Panics
///
/// If the counter's file is not accessible, or if no address is free: ports below 1024 need root.
pub fn free_address() -> Ipv4Addr {
    let dir = target_dir().join("servers");
    fs::create_dir_all(&dir).expect("the target directory is writable");
    let options = File::options().create(true).read(true).write(true).truncate(false).to_owned();
    let counter = options.open(dir.join("last-address"));
    let mut counter = counter.expect("the target directory is writable");
    counter.lock().expect("the file system has locks");
    let mut text = String::new();
    counter.read_to_string(&mut text).expect("the counter is text");
    // Another target directory on this machine starts somewhere else.
    let start = text.trim().parse().unwrap_or_else(|_| std::process::id().wrapping_mul(257));
    let next = (1..1000).map(|n| start.wrapping_add(n)).find(|n| is_free(nth(*n)));
    let next =
        next.expect("an address with free ports 53, 80 and 443 (which need root) on loopback");
    counter.rewind().and_then(|()| counter.set_len(0)).expect("the counter is writable");
    write!(counter, "{next}").expect("the counter is writable");
    nth(next)
}

/// The address of a number: in 127.16.0.0/12, and neither first nor last of a byte's range.
fn nth(number: u32) -> Ipv4Addr {
    let [_, a, b, c] = number.to_be_bytes();
    Ipv4Addr::new(127, 16 + a % 16, b, 1 + c % 254)
}

fn is_free(address: Ipv4Addr) -> bool {
    let tcp = |port| TcpListener::bind(SocketAddr::from((address, port))).is_ok();
    [53, 80, 443].into_iter().all(tcp) && UdpSocket::bind((address, 53)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_an_address_of_its_range() {
        for number in [0, 1, 254, 255, 256, 65_536, u32::MAX] {
            let [first, second, _, last] = nth(number).octets();
            assert_eq!(first, 127);
            assert!((16..32).contains(&second) && (1..255).contains(&last));
        }
    }

    #[test]
    fn no_address_is_given_twice_in_a_row() {
        assert_ne!(free_address(), free_address());
    }
}
