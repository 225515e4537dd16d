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
/// Version 4 stores the host of a CA, but not the path of its directory, so there
/// [`ImportedAccount::directory`] is known for public CAs only.
pub fn lego(root: impl AsRef<Path>) -> Import {
    let root = root.as_ref();
    let mut reader = Reader::new();
    reader.root(root);
    for server in reader.folders(&root.join("accounts")) {
        for user in reader.folders(&server) {
            keys(&mut reader, &server, &user, &user);
            for folder in reader.folders(&user) {
                // Version 4 has the keys in a folder of their own. Early releases of version 5 have
                // a folder for each kind of key, with all that belongs to it.
                let about = if name_of(&folder) == "keys" { &user } else { &folder };
                keys(&mut reader, &server, about, &folder);
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

/// Reads the accounts whose keys are in a folder, and whose description is in another one.
fn keys(reader: &mut Reader, server: &Path, about: &Path, folder: &Path) {
    for key in reader.entries(folder) {
        if key.extension().is_some_and(|extension| extension == "key") {
            account(reader, server, about, &key);
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
        let mut known = known_directories();
        let known =
            known.find(|url| url.authority().replace(':', "_").to_ascii_lowercase() == host);
        let directory = about.server.as_deref().and_then(url).or(known);
        let registration = about.registration.unwrap_or_default();
        let mut contacts = registration.contact.or(registration.body.contact).unwrap_or_default();
        if contacts.is_empty() {
            contacts.extend(about.email.filter(|e| e.contains('@')).map(|e| format!("mailto:{e}")));
        }
        let account = registration.account_url.or(registration.uri);
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
    /// Only version 5.
    server: Option<String>,
    registration: Option<Registration>,
}

/// Version 4 has `uri` and `body`, version 5 the members of the account and its URL.
#[derive(Default, Deserialize)]
struct Registration {
    uri: Option<String>,
    #[serde(default)]
    body: Body,
    #[serde(rename = "accountURL")]
    account_url: Option<String>,
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
