//! From XML to traces, one at a time.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use quick_xml::XmlVersion;
use quick_xml::events::{BytesDecl, BytesStart, Event as Markup};

use super::input::Input;
use super::log::{Attribute, Attributes, Event, Trace, Value};
use crate::open::open;
use crate::{Error, Result};

/// Elements within elements; a log nests attributes a few deep.
const MAX_DEPTH: usize = 100;

/// The traces of a log, in file order.
///
/// An event outside every trace comes as a trace of its own, without attributes.
/// Reading ends with the first error: broken XML, a file cut short, a file that is no XES log.
pub struct XesReader {
    path: PathBuf,
    xml: quick_xml::Reader<Input>,
    buffer: Vec<u8>,
    /// Elements that are open, outermost first.
    open: Vec<Open>,
    /// Where the markup read last begins.
    line: u64,
    has_log: bool,
    is_over: bool,
}

enum Open {
    Log,
    Trace(Trace),
    Event(Event),
    Attribute(Attribute),
    /// `<values>` of a list: what is in it belongs to the list.
    Values,
    PassedOver,
}

impl XesReader {
    /// Opens a log; gzip is known by its first bytes.
    ///
    /// # Errors
    /// - the file cannot be read, or is empty.
    pub fn open(path: &Path) -> Result<Self> {
        Self::new(path, open(path)?)
    }

    /// Reads a log from `bytes`; `path` is what errors call it.
    ///
    /// # Errors
    /// - the first bytes cannot be read.
    pub fn new(path: &Path, bytes: impl Read + Send + 'static) -> Result<Self> {
        let input = Input::new(bytes).map_err(Error::io("read", path))?;
        Ok(Self {
            path: path.to_owned(),
            xml: quick_xml::Reader::from_reader(input),
            buffer: Vec::new(),
            open: Vec::new(),
            line: 1,
            has_log: false,
            is_over: false,
        })
    }

    /// The next trace; `None` after the last.
    fn trace(&mut self) -> Result<Option<Trace>> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let trace = loop {
            buffer.clear();
            self.line = self.xml.get_ref().line();
            self.xml.get_mut().next_markup();
            let done = match self.xml.read_event_into(&mut buffer) {
                Ok(Markup::Start(tag)) => self.enter(&tag).map(|()| None),
                Ok(Markup::Empty(tag)) => self.enter(&tag).map(|()| self.leave()),
                Ok(Markup::End(_)) => Ok(self.leave()),
                Ok(Markup::Decl(declaration)) => self.check_encoding(&declaration).map(|()| None),
                Ok(Markup::Eof) => break self.check_end().map(|()| None),
                Ok(
                    Markup::Text(_)
                    | Markup::CData(_)
                    | Markup::Comment(_)
                    | Markup::PI(_)
                    | Markup::DocType(_)
                    | Markup::GeneralRef(_),
                ) => Ok(None),
                Err(error) => Err(self.broken_xml(&error)),
            };
            match done {
                Ok(None) => {}
                done => break done,
            }
        };
        self.buffer = buffer;
        trace
    }

    fn enter(&mut self, tag: &BytesStart<'_>) -> Result<()> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.broken(format!("elements are nested more than {MAX_DEPTH} deep")));
        }
        let name = tag.local_name();
        let name = name.as_ref();
        let open = match (self.open.last(), name) {
            (None, "log") if !self.has_log => {
                self.has_log = true;
                Open::Log
            }
            (None, _) if self.has_log => return Err(self.broken(format!("<{name}> after the end of the log"))),
            (None, _) => {
                return Err(self.broken(format!("not an XES log: its first element is <{name}>, expected <log>")));
            }
            (Some(Open::Log), "trace") => Open::Trace(Trace::default()),
            (Some(Open::Log | Open::Trace(_)), "event") => Open::Event(Event::default()),
            (Some(Open::Log | Open::PassedOver), _) => Open::PassedOver,
            (Some(Open::Trace(_) | Open::Event(_) | Open::Attribute(_) | Open::Values), "trace" | "event") => {
                let message = format!("<{name}> where only attributes may be: is an end tag missing before it?");
                return Err(self.broken(message));
            }
            (Some(Open::Attribute(_)), "values") => Open::Values,
            (Some(Open::Trace(_) | Open::Event(_) | Open::Attribute(_) | Open::Values), _) => {
                match self.attribute(name, tag)? {
                    Some(attribute) => Open::Attribute(attribute),
                    None => Open::PassedOver,
                }
            }
        };
        self.open.push(open);
        Ok(())
    }

    /// The attribute that an element is; `None` when XES has no such element.
    fn attribute(&self, element: &str, tag: &BytesStart<'_>) -> Result<Option<Attribute>> {
        if Value::of(element, "").is_none() {
            return Ok(None);
        }
        let (mut key, mut value) = (None, None);
        for given in tag.attributes() {
            let given = given.map_err(|error| self.broken(format!("broken XML in <{element}>: {error}")))?;
            let to = match given.key.as_ref() {
                "key" => &mut key,
                "value" => &mut value,
                _ => continue,
            };
            let text = given.normalized_value(XmlVersion::Implicit1_0);
            *to = Some(text.map_err(|error| self.broken(format!("broken XML in <{element}>: {error}")))?);
        }
        let key = key.ok_or_else(|| self.broken(format!("<{element}> has no key, expected key=\"…\"")))?;
        let value = Value::of(element, value.as_deref().unwrap_or_default()).expect("the element is an attribute");
        Ok(Some(Attribute {
            key: key.into_owned(),
            value,
            nested: Attributes::default(),
        }))
    }

    /// Closes the innermost element; a trace that is whole comes out.
    fn leave(&mut self) -> Option<Trace> {
        match self.open.pop().expect("XML ends only what is open") {
            Open::Trace(trace) => return Some(trace),
            Open::Event(event) => match self.open.last_mut() {
                Some(Open::Trace(trace)) => trace.events.push(event),
                _ => {
                    return Some(Trace {
                        attributes: Attributes::default(),
                        events: vec![event],
                    });
                }
            },
            Open::Attribute(attribute) => {
                let owner = self.open.iter_mut().rev().find_map(|open| match open {
                    Open::Trace(trace) => Some(&mut trace.attributes),
                    Open::Event(event) => Some(&mut event.attributes),
                    Open::Attribute(outer) => Some(&mut outer.nested),
                    Open::Log | Open::Values | Open::PassedOver => None,
                });
                owner.expect("attributes are read only inside these").0.push(attribute);
            }
            Open::Log | Open::Values | Open::PassedOver => {}
        }
        None
    }

    fn check_encoding(&self, declaration: &BytesDecl<'_>) -> Result<()> {
        let Some(Ok(encoding)) = declaration.encoding() else {
            return Ok(());
        };
        if ["utf-8", "utf8", "us-ascii", "ascii"].contains(&encoding.to_ascii_lowercase().as_str()) {
            return Ok(());
        }
        Err(self.broken(format!(
            "the encoding is {encoding}, expected UTF-8; convert the file first"
        )))
    }

    fn check_end(&self) -> Result<()> {
        match (self.has_log, self.open.is_empty()) {
            (true, true) => Ok(()),
            (true, false) => Err(self.broken("the file ends before </log>: was it cut short?".to_owned())),
            (false, _) => Err(Error::data(&self.path, "not an XES log: it has no <log> element")),
        }
    }

    fn broken(&self, message: String) -> Error {
        Error::data(&self.path, format!("line {}: {message}", self.line))
    }

    fn broken_xml(&self, error: &quick_xml::Error) -> Error {
        match error {
            quick_xml::Error::Io(error) => match error.kind() {
                io::ErrorKind::UnexpectedEof => {
                    self.broken("the gzip stream ends in the middle: was the file cut short?".to_owned())
                }
                io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => self.broken(format!("unreadable: {error}")),
                kind => Error::io("read", &self.path)(io::Error::new(kind, error.to_string())),
            },
            quick_xml::Error::Encoding(error) => self.broken(format!("not UTF-8: {error}")),
            quick_xml::Error::Syntax(_)
            | quick_xml::Error::IllFormed(_)
            | quick_xml::Error::InvalidAttr(_)
            | quick_xml::Error::Escape(_)
            | quick_xml::Error::Namespace(_) => {
                let byte = self.xml.error_position();
                self.broken(format!("broken XML at byte {byte}: {error}"))
            }
        }
    }
}

impl Iterator for XesReader {
    type Item = Result<Trace>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let trace = self.trace().transpose();
        self.is_over = !matches!(trace, Some(Ok(_)));
        trace
    }
}
