//! lego: `accounts/HOST/ID` and `certificates/NAME.crt`.

use std::path::Path;

use acme_proto::url::Url;
use acme_proto::x509::CertificateChain;
use serde::Deserialize;

use super::{
    Import, ImportedAccount, Reader, Unusable, is_missing, known_directories, name_of, read,
    read_json, read_key, url,
};
use crate::storage::layout::{Damage, StoredCertificate};

/// Reads what lego, version 4 or 5, has stored in its folder.
///
/// lego stores the host of a CA, but not the path of its directory, so
/// [`ImportedAccount::directory`] is known for public CAs only.
pub fn lego(root: impl AsRef<Path>) -> Import {
    let root = root.as_ref();
    let mut reader = Reader::new();
    reader.root(root);
    for server in reader.folders(&root.join("accounts")) {
        for user in reader.folders(&server) {
            version_4(&mut reader, &server, &user);
            // Version 5 has a folder for each kind of key.
            for kind in reader.folders(&user) {
                if name_of(&kind) != "keys" {
                    let key = kind.join(format!("{}.key", name_of(&user)));
                    account(&mut reader, &server, &kind, &key);
                }
            }
        }
    }
    for found in reader.entries(&root.join("certificates")) {
        let name = name_of(&found);
        if let Some(stem) = name.strip_suffix(".crt").filter(|stem| !stem.ends_with(".issuer")) {
            certificate(&mut reader, &found, stem);
        }
    }
    reader.import
}

fn version_4(reader: &mut Reader, server: &Path, user: &Path) {
    for key in reader.entries(&user.join("keys")) {
        if key.extension().is_some_and(|extension| extension == "key") {
            account(reader, server, user, &key);
        }
    }
}

fn account(reader: &mut Reader, server: &Path, folder: &Path, key: &Path) {
    let read_it = || -> Result<ImportedAccount, Unusable> {
        let key_pem = read_key(key)?;
        // The key is enough: the CA finds the account by it.
        let about: Account = read_json(&folder.join("account.json")).unwrap_or_default();
        let place = name_of(server);
        let host = place.to_ascii_lowercase();
        let directory = known_directories()
            .find(|url| url.authority().replace(':', "_").to_ascii_lowercase() == host);
        let registration = about.registration.unwrap_or_default();
        let mut contacts = registration.contact.or(registration.body.contact).unwrap_or_default();
        if contacts.is_empty() {
            contacts.extend(about.email.filter(|e| e.contains('@')).map(|e| format!("mailto:{e}")));
        }
        let account = registration.location.or(registration.uri);
        Ok(ImportedAccount {
            directory,
            place,
            url: account.as_deref().and_then(url),
            contacts,
            key_pem,
            source: key.to_owned(),
        })
    };
    let found = read_it();
    if let Some(account) = reader.keep(key, found) {
        reader.import.accounts.push(account);
    }
}

fn certificate(reader: &mut Reader, path: &Path, stem: &str) {
    let beside = |ending: &str| path.with_file_name(format!("{stem}{ending}"));
    let about: Resource = read_json(&beside(".json")).unwrap_or_default();
    let name = about.id.or(about.domain);
    // The star of a wildcard is an underscore in the name of the file.
    let name = name.unwrap_or_else(|| match stem.strip_prefix("_.") {
        Some(base) => format!("*.{base}"),
        None => stem.to_owned(),
    });
    let issuer = beside(".issuer.crt");
    let alone = read(path).ok().and_then(|text| CertificateChain::parse_pem(&text).ok());
    // With its option `--no-bundle`, the issuers are in a file of their own.
    if alone.is_none_or(|chain| chain.certificates().len() != 1) || is_missing(&read(&issuer)) {
        return reader.certificate(name, path, &beside(".key"), None::<Url>);
    }
    let join = || -> Result<StoredCertificate, Unusable> {
        let mut text = read(path)?;
        text.push(b'\n');
        text.extend_from_slice(&read(&issuer)?);
        let chain = CertificateChain::parse_pem(&text).map_err(Damage::from)?;
        Ok(StoredCertificate::new(chain, read_key(&beside(".key"))?)?)
    };
    let joined = join();
    if let Some(certificate) = reader.keep(path, joined) {
        let source = path.to_owned();
        reader.import.certificates.push(super::ImportedCertificate { name, certificate, source });
    }
}

#[derive(Default, Deserialize)]
struct Account {
    email: Option<String>,
    registration: Option<Registration>,
}

/// Version 4 has `uri` and `body`, version 5 the members of the account beside its `location`.
#[derive(Default, Deserialize)]
struct Registration {
    uri: Option<String>,
    #[serde(default)]
    body: Body,
    #[serde(alias = "Location")]
    location: Option<String>,
    contact: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
struct Body {
    contact: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
struct Resource {
    id: Option<String>,
    domain: Option<String>,
}
