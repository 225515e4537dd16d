//! TXT records in `pebble-challtestsrv`, through its management endpoint.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

/// The management endpoint of a running `pebble-challtestsrv`, with a directory that remembers who set what.
///
/// The server can add one TXT value and remove all values of a name, but not one. So [`cleanup`](Self::cleanup) takes
/// a value off the list in the directory, and the name is cleared when its list is empty: no value that another
/// process still needs is ever missing.
#[derive(Clone, Debug)]
pub struct Challtestsrv {
    management: SocketAddr,
    state: PathBuf,
}

impl Challtestsrv {
    /// Refers to the server with the management endpoint `management` and the directory `state`.
    pub fn new(management: SocketAddr, state: impl Into<PathBuf>) -> Self {
        Self { management, state: state.into() }
    }

    /// Returns the address of the management endpoint.
    pub const fn management(&self) -> SocketAddr {
        self.management
    }

    /// Returns the directory that remembers the values.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Adds a TXT value to a name; twice the same one is one value.
    ///
    /// # Errors
    ///
    /// The server or the directory is not accessible.
    pub fn present(&self, name: &str, value: &str) -> io::Result<()> {
        let _lock = self.lock()?;
        let mut values = self.values(name)?;
        if !values.iter().any(|v| v == value) {
            self.post("set-txt", &json!({"host": absolute(name), "value": value}))?;
            values.push(value.to_owned());
            self.remember(name, &values)?;
        }
        Ok(())
    }

    /// Gives up a TXT value of a name; one that is not there is no error.
    ///
    /// # Errors
    ///
    /// The server or the directory is not accessible.
    pub fn cleanup(&self, name: &str, value: &str) -> io::Result<()> {
        let _lock = self.lock()?;
        let mut values = self.values(name)?;
        values.retain(|v| v != value);
        if values.is_empty() {
            self.post("clear-txt", &json!({"host": absolute(name)}))?;
        }
        self.remember(name, &values)
    }

    /// Removes every TXT value of a name.
    ///
    /// # Errors
    ///
    /// The server or the directory is not accessible.
    pub fn clear(&self, name: &str) -> io::Result<()> {
        let _lock = self.lock()?;
        self.post("clear-txt", &json!({"host": absolute(name)}))?;
        self.remember(name, &[])
    }

    /// Returns every (name, value) that was presented and not cleaned up.
    ///
    /// # Errors
    ///
    /// The directory is not accessible.
    pub fn published(&self) -> io::Result<Vec<(String, String)>> {
        let _lock = self.lock()?;
        let mut published = Vec::new();
        for entry in fs::read_dir(&self.state)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if let Some(name) = name.strip_suffix(".txt") {
                published.extend(self.values(name)?.into_iter().map(|v| (name.to_owned(), v)));
            }
        }
        published.sort();
        Ok(published)
    }

    /// Sends one command to the management endpoint.
    ///
    /// # Errors
    ///
    /// No connection, or an answer other than 200.
    pub fn post(&self, command: &str, body: &serde_json::Value) -> io::Result<()> {
        let body = body.to_string();
        let mut stream = TcpStream::connect_timeout(&self.management, Duration::from_secs(5))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(
            stream,
            "POST /{command} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.management,
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        if answer.split(' ').nth(1) == Some("200") {
            return Ok(());
        }
        Err(io::Error::other(format!("{command} {body}: {}", answer.lines().next().unwrap_or(""))))
    }

    fn lock(&self) -> io::Result<File> {
        fs::create_dir_all(&self.state)?;
        let lock = File::create(self.state.join("lock"))?;
        lock.lock()?;
        Ok(lock)
    }

    fn file(&self, name: &str) -> PathBuf {
        let name = absolute(name).to_ascii_lowercase();
        self.state.join(format!("{}.txt", name.trim_end_matches('.').replace('/', "_")))
    }

    fn values(&self, name: &str) -> io::Result<Vec<String>> {
        match fs::read_to_string(self.file(name)) {
            Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn remember(&self, name: &str, values: &[String]) -> io::Result<()> {
        if !values.is_empty() {
            return fs::write(self.file(name), values.join("\n"));
        }
        match fs::remove_file(self.file(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The name with its final dot.
fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}
