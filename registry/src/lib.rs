//! Plugin packages: what they are, where they lie, which versions fit together, and what was chosen.
//!
//! A package is one component. The way of a plugin through this crate:
//!
//! [`manifest`] (what an author writes) + [`component`] (what the bytes state) → published to a [`source`]
//! that keeps an append-only [`index`] → [`mod@resolve`] picks versions that fit each other and this host →
//! [`lock`] records the choice by digest → [`installed`] keeps the bytes and checks them at each read.
//!
//! No code of a package ever runs here, no archive is unpacked, and there is no engine. Digests are checked
//! in the provided method of [`source::Source`], so a source must go out of its way to skip them.

pub mod component;
pub mod digest;
pub mod durable;
pub mod index;
pub mod installed;
pub mod lock;
pub mod manifest;
pub mod name;
pub mod resolve;
pub mod source;

pub use component::{Component, Interface, embed_manifest};
pub use digest::{Digest, DigestMismatch};
pub use index::{Event, History, Release};
pub use installed::Installed;
pub use lock::Lock;
pub use manifest::Manifest;
pub use name::{Lane, PackageName, PackageRef, Version};
pub use resolve::{Request, Resolution, resolve};
pub use source::{Dir, Source};
