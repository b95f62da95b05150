//! The kinds of personal data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! labels {
    ($($(#[$doc:meta])* $case:ident = $name:literal,)+) => {
        /// A kind of personal data.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum Label { $($(#[$doc])* #[serde(rename = $name)] $case,)+ }

        impl Label {
            /// All labels.
            pub const ALL: &[Self] = &[$(Self::$case),+];

            /// As in configuration and in counts: `email`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$case => $name),+ }
            }
        }
    };
}

labels! {
    /// An e-mail address.
    Email = "email",
    /// A telephone number.
    Phone = "phone",
    /// An international bank account number.
    Iban = "iban",
    /// A payment card.
    Card = "card",
    /// An address of the Internet Protocol, version 4 or 6.
    Ip = "ip",
    /// A social security number of the United States.
    UsSsn = "us_ssn",
    /// A national insurance number of the United Kingdom.
    UkNino = "uk_nino",
    /// A tax identification number of Germany.
    DeSteuerId = "de_steuer_id",
    /// A number of the French register of persons.
    FrNir = "fr_nir",
    /// A Spanish identity number, for citizens or foreigners.
    EsDni = "es_dni",
    /// An Italian tax code.
    ItCodiceFiscale = "it_codice_fiscale",
    /// A Dutch citizen service number.
    NlBsn = "nl_bsn",
    /// A Polish identification number.
    PlPesel = "pl_pesel",
}
