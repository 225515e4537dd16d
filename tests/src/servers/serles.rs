//! serles, an ACME front end in Python.

use std::fs;

use super::Server;
use super::gunicorn::start_gunicorn;
use super::issuing_ca::IssuingCa;
use super::site::start_with;
use crate::install::PythonServer;

/// Starts serles with a backend that signs with openssl.
///
/// # Panics
///
/// If it cannot be installed or started; it needs root.
pub fn serles() -> Server {
    start_with("serles", || {
        start_gunicorn(PythonServer::SERLES, "serles", "serles:create_app()", |stage, site| {
            let dir = stage.scratch.path();
            let ca = IssuingCa::generate();
            fs::write(dir.join("root.pem"), ca.root_pem())?;
            fs::write(dir.join("root.key"), ca.root_key_pem())?;
            let config = dir.join("config.ini");
            let shown = dir.display();
            fs::write(
                &config,
                format!(
                    "[serles]\ndatabase = sqlite:///{shown}/serles.db\nbackend = backend:Backend\n\
                     subjectNameTemplate = CN={{SAN[0]}}\nforceTemplateDN = false\n\
                     allowWildcards = true\nallowIpIdentifiers = true\n\
                     [openssl]\ncacert = {shown}/root.pem\ncakey = {shown}/root.key\n"
                ),
            )?;
            site.issuer_roots = vec![ca.root_pem().to_owned()];
            Ok(vec![("CONFIG", config.display().to_string())])
        })
    })
}
