//! What a device is called, and how its credentials lie in flash.
//!
//! The ground floor of Countersign: the device, the factory and the broker all import this crate, and it imports
//! none of them. It knows these words and nothing else (no X.509, no TLS, no MQTT, no allocator):
//!
//! - [`DeviceId`]: the name a fleet calls a device by, safe as an MQTT client id, a topic level and a file name;
//! - [`ServiceName`]: the name a fleet calls a back-end client by, of the same grammar;
//! - [`Subject`]: the part of a certificate's subject that carries a device id;
//! - [`Topic`]: the MQTT topics of a device, to and from ([`DeviceId`], [`Channel`]);
//! - [`image::Image`]: the credential image the factory writes and the device reads in place;
//! - [`renewal`]: what a device and the service that renews its certificate say to each other;
//! - [`user_property`]: the names of the MQTT user properties in which the broker tells a device something;
//! - [`Printable`] and [`PrintableLines`]: a text that others wrote, as a log or a terminal may see it.
#![no_std]
#![forbid(unsafe_code)]
#![warn(
    missing_docs,
    clippy::std_instead_of_core,
    clippy::alloc_instead_of_core,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

mod bytes;
mod device_id;
pub mod image;
mod printable;
pub mod renewal;
mod service_name;
mod shortest_form;
mod subject;
mod topic;
pub mod user_property;

pub use device_id::{DeviceId, DeviceIdError};
pub use printable::{Printable, PrintableLines, is_steering};
pub use service_name::ServiceName;
pub use subject::{Subject, SubjectError};
pub use topic::{Channel, Topic, TopicError};
