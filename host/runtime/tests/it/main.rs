//! The runtime from outside: hostile guests (cases WA-01…WA-20) and what a call costs.

mod guests;
mod hostile;
