//! Where secrets are: in files, or among the credentials of the service.
//!
//! Uses `reader` and `draft`.

use crate::config::draft::Field;
use crate::config::model::{CREDENTIALS, SecretSource};
use crate::config::reader::Reader;
use crate::config::report::{At, cut};
use crate::config::rules;

/// A file of the folder that systemd made for this service (`LoadCredential=`, `SetCredentialEncrypted=`).
pub(super) fn credential(table: &mut Reader<'_, '_, '_>, key: &'static str) -> Field<SecretSource> {
    table.name(key).and_then(|at, name| {
        if name.contains('/') || name == "." || name == ".." {
            let subject = format!("{key} is not the name of a credential: {}", cut(&name));
            table.add(&rules::NAME, at, &subject, "write the name that stands in LoadCredential=, without any folder");
            return None;
        }
        Some(SecretSource::File(format!("{CREDENTIALS}/{name}")))
    })
}

pub(super) fn one_of<T>(
    table: &mut Reader<'_, '_, '_>,
    (first, a): (&str, Field<T>),
    (second, b): (&str, Field<T>),
    keep: &str,
) -> Field<T> {
    match (a, b) {
        (a, Field::Absent(_)) => a,
        (Field::Absent(_), b) => b,
        (Field::Given(a, _) | Field::Bad(a), Field::Given(b, _) | Field::Bad(b)) => {
            let at: At = a.max(b);
            let subject = format!("{first} and {second} are both given");
            table.add(&rules::EXCLUSIVE, at, &subject, format!("keep {keep} and take the other away"));
            Field::Bad(at)
        }
    }
}
