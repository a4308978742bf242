//! Event logs in XES (IEEE 1849), plain or gzipped, read trace by trace.
//!
//! Memory holds one trace at a time, whatever the file's size.
//! Log attributes, `<extension>`, `<global>` and `<classifier>` are passed over: they say nothing about a trace.
//! Elements that XES does not know are passed over too, with all in them.
//!
//! ```no_run
//! use percorso_pipeline::xes::XesReader;
//!
//! for trace in XesReader::open("log.xes.gz".as_ref())? {
//!     let trace = trace?;
//!     let case = trace.attributes.text("concept:name");
//!     for event in &trace.events {
//!         println!("{case:?} {:?} {:?}", event.attributes.text("concept:name"), event.attributes.time("time:timestamp"));
//!     }
//! }
//! # Ok::<(), percorso_pipeline::Error>(())
//! ```

mod input;
mod log;
mod reader;
#[cfg(test)]
mod tests;

pub use log::{Attribute, Attributes, Event, Trace, Value};
pub use reader::XesReader;
