//! National numbers of persons.

use super::{check, exact};

pub(super) fn us_ssn(text: &[u8], at: usize) -> Option<usize> {
    let dash = |i: usize| text.get(at + i) == Some(&b'-');
    // Nine digits alone are too common; the dashes make it a number of a person.
    let shape = dash(3) && dash(6);
    shape.then(|| exact(text, at, 9, b"-", check::us_ssn)).flatten()
}

pub(super) fn uk_nino(text: &[u8], at: usize) -> Option<usize> {
    exact(text, at, 9, b" ", check::uk_nino)
}

pub(super) fn de_steuer_id(text: &[u8], at: usize) -> Option<usize> {
    exact(text, at, 11, b" ", check::de_steuer_id)
}

pub(super) fn fr_nir(text: &[u8], at: usize) -> Option<usize> {
    exact(text, at, 15, b" ", check::fr_nir)
}

pub(super) fn es_dni(text: &[u8], at: usize) -> Option<usize> {
    exact(text, at, 9, b"-", check::es_dni)
}

pub(super) fn it_codice_fiscale(text: &[u8], at: usize) -> Option<usize> {
    exact(text, at, 16, b"", check::it_codice_fiscale)
}

pub(super) fn nl_bsn(text: &[u8], at: usize) -> Option<usize> {
    exact(text, at, 9, b".", check::nl_bsn)
}

pub(super) fn pl_pesel(text: &[u8], at: usize) -> Option<usize> {
    exact(text, at, 11, b"", check::pl_pesel)
}
