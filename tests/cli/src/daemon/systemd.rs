//! What a service says to systemd: `sd_notify(3)`.

/// Sends a state to the service manager, if one started this process and wants to know.
pub(super) fn notify(state: &str) {
    #[cfg(unix)]
    {
        use std::os::unix::net::{SocketAddr, UnixDatagram};

        let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
        let address = match path.to_str().and_then(|path| path.strip_prefix('@')) {
            Some(name) => abstract_address(name),
            None => SocketAddr::from_pathname(&path).ok(),
        };
        // Without it, systemd ends the service when its time to start is over, and says so.
        if let (Some(address), Ok(socket)) = (address, UnixDatagram::unbound()) {
            let _ = socket.send_to_addr(state.as_bytes(), &address);
        }
    }
    #[cfg(not(unix))]
    let _ = state;
}

#[cfg(target_os = "linux")]
fn abstract_address(name: &str) -> Option<std::os::unix::net::SocketAddr> {
    use std::os::linux::net::SocketAddrExt as _;
    std::os::unix::net::SocketAddr::from_abstract_name(name).ok()
}

#[cfg(all(unix, not(target_os = "linux")))]
fn abstract_address(_: &str) -> Option<std::os::unix::net::SocketAddr> {
    None
}
