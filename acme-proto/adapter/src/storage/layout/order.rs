//! Orders in flight, with the keys of their certificates.

use core::fmt;

use acme_proto::snapshot::Snapshot;
use zeroize::Zeroizing;

use super::account::read_key;
use super::json::encode;
use super::{Name, locked, move_aside, put_text};
use crate::keys::{KeyKind, generate};
use crate::storage::access::{Access, Decision, Found, Locking, Write};
use crate::storage::{Key, StorageError};

/// An order that was in flight, and the key of its certificate if it was stored.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredOrder {
    /// The state of the order.
    pub snapshot: Snapshot,
    /// The private key of the certificate in PKCS#8 PEM, unless a signer has it.
    pub key_pem: Option<Zeroizing<String>>,
}

impl fmt::Debug for StoredOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredOrder").field("snapshot", &self.snapshot).finish_non_exhaustive()
    }
}

/// The key of a certificate that is ordered.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrderKey {
    /// The private key in PKCS#8 PEM, which is stored.
    pub key_pem: Zeroizing<String>,
    /// Whether it was generated now.
    pub is_new: bool,
    /// Where a damaged one was moved, which it replaces.
    pub damaged: Option<Key>,
}

impl fmt::Debug for OrderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrderKey")
            .field("is_new", &self.is_new)
            .field("damaged", &self.damaged)
            .finish_non_exhaustive()
    }
}

/// Reads the order in flight for a certificate; one that cannot be read is moved aside.
pub fn load_order(name: impl Into<Name>) -> Access<Found<StoredOrder>> {
    let files = Files::new(&name.into());
    let locking = Locking::ToWrite(files.order.clone());
    Access::new(vec![files.order.clone(), files.key.clone()], move |mut reading| {
        let (order, key) = (reading.next(), reading.next());
        let Some(order) = order else { return Ok(Decision::new(Vec::new(), Found::Missing)) };
        let Ok(snapshot) = serde_json::from_slice(&order) else {
            let (aside, writes) = move_aside(&files.order, &order);
            return Ok(Decision::new(writes.to_vec(), Found::Damaged { aside }));
        };
        let key_pem = key.and_then(|text| read_key(&text).ok());
        Ok(Decision::new(Vec::new(), Found::Intact(StoredOrder { snapshot, key_pem })))
    })
    .locking(locking)
}

/// Returns the key for the next certificate of this name; generates and stores it if there is none.
///
/// # Errors
///
/// When it is run: [`StorageError::Key`] if a key is needed and cannot be generated.
pub fn load_or_make_order_key(name: impl Into<Name>, kind: KeyKind) -> Access<OrderKey> {
    let files = Files::new(&name.into());
    let lock = locked(&files.order);
    Access::new(vec![files.key.clone()], move |mut reading| {
        let (mut writes, mut damaged) = (Vec::new(), None);
        if let Some(text) = reading.next() {
            if let Ok(key_pem) = read_key(&text) {
                let key = OrderKey { key_pem, is_new: false, damaged };
                return Ok(Decision::new(Vec::new(), key));
            }
            let (aside, moved) = move_aside(&files.key, &text);
            writes.extend(moved);
            damaged = Some(aside);
        }
        let key_pem = generate(kind)?;
        writes.push(put_text(&files.key, &key_pem));
        Ok(Decision::new(writes, OrderKey { key_pem, is_new: true, damaged }))
    })
    .may_generate_key()
    .locking(lock)
}

/// Replaces the state of the order in flight for a certificate, or adds it.
///
/// # Errors
///
/// [`StorageError::Encode`].
pub fn save_order(name: impl Into<Name>, snapshot: &Snapshot) -> Result<Access<()>, StorageError> {
    let files = Files::new(&name.into());
    let write = Write::Put(files.order.clone(), encode(snapshot)?);
    let lock = locked(&files.order);
    Ok(Access::new(Vec::new(), move |_| Ok(Decision::new(vec![write.clone()], ()))).locking(lock))
}

/// Removes the order in flight for a certificate and its key, after the certificate is saved.
pub fn clear_order(name: impl Into<Name>) -> Access<()> {
    let files = Files::new(&name.into());
    let lock = locked(&files.order);
    // The order first: without its key, a certificate could not be used.
    let writes = vec![Write::Delete(files.order), Write::Delete(files.key)];
    Access::new(Vec::new(), move |_| Ok(Decision::new(writes.clone(), ()))).locking(lock)
}

/// Returns the names of the certificates with an order in flight.
pub fn list_orders() -> Access<Vec<Name>> {
    Access::new(Vec::new(), |reading| {
        let name = |key: &Key| {
            let segment = key.segments().nth(1)?.strip_suffix(ORDER)?;
            Some(Name { segment: segment.into() })
        };
        Ok(Decision::new(Vec::new(), reading.listed.iter().filter_map(name).collect()))
    })
    .listing(Key::new("orders"))
}

/// The state of the order in flight for one certificate, in a storage.
///
/// It is a `Store` of `acme-tokio` and `acme-blocking`, for `Issue::durable`.
#[derive(Clone, Debug)]
pub struct StoredInFlight<S> {
    storage: S,
    name: Name,
}

impl<S> StoredInFlight<S> {
    /// Names the certificate.
    pub fn new(storage: S, name: impl Into<Name>) -> Self {
        Self { storage, name: name.into() }
    }

    /// Returns the storage.
    pub const fn storage(&self) -> &S {
        &self.storage
    }

    /// Does what [`save_order`] does.
    ///
    /// # Errors
    ///
    /// [`StorageError::Encode`].
    pub fn save_order(&self, snapshot: &Snapshot) -> Result<Access<()>, StorageError> {
        save_order(&self.name, snapshot)
    }
}

struct Files {
    order: Key,
    key: Key,
}

impl Files {
    fn new(name: &Name) -> Self {
        let folder = Key::new("orders");
        Self {
            order: folder.join_escaped(name.as_str(), ORDER),
            key: folder.join_escaped(name.as_str(), ".key.pem"),
        }
    }
}

const ORDER: &str = ".json";
