//! Small logs, whole and broken, as the reader tells them.

use std::io::{Cursor, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::{Error, Result};

fn read(log: impl AsRef<[u8]>) -> Result<Vec<Trace>> {
    let bytes = Cursor::new(log.as_ref().to_vec());
    XesReader::new(Path::new("log.xes"), bytes)?.collect()
}

/// Traces as `name(case attributes): event event …`, an event as its key=value pairs.
fn told(log: impl AsRef<[u8]>) -> String {
    let traces = read(log).expect("a good log");
    let traces: Vec<String> = traces
        .iter()
        .map(|trace| {
            let events: Vec<String> = trace.events.iter().map(|event| pairs(&event.attributes)).collect();
            format!("[{}] {}", pairs(&trace.attributes), events.join(" | "))
        })
        .collect();
    traces.join("\n")
}

fn pairs(attributes: &Attributes) -> String {
    let pair = |attribute: &Attribute| {
        let nested = match attribute.nested.0.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", pairs(&attribute.nested)),
        };
        format!("{}={:?}{nested}", attribute.key, attribute.value.to_string())
    };
    attributes.0.iter().map(pair).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn refused(log: impl AsRef<[u8]>) -> String {
    match read(log).expect_err("broken on purpose") {
        error @ Error::Data { .. } => error.to_string(),
        error => panic!("the data are wrong, not the environment: {error}"),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes).expect("written");
    packed.finish().expect("written")
}

const WHOLE: &str = r#"<?xml version="1.0" encoding="UTF-8" ?>
<!-- made by hand -->
<!DOCTYPE log>
<log xes.version="1.0" xmlns="http://www.xes-standard.org/">
  <extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
  <global scope="trace"><string key="concept:name" value="UNKNOWN"/></global>
  <global scope="event"><date key="time:timestamp" value="1970-01-01T00:00:00Z"/></global>
  <classifier name="Activity" keys="concept:name"/>
  <string key="origin" value="hand"/>
  <trace>
    <string key="concept:name" value="A &amp; B &#8364;"/>
    <int key="AMOUNT_REQ" value="20000"/>
    <event>
      <string key="concept:name" value="open"/><![CDATA[ <event> ]]>
      <date key="time:timestamp" value="2024-01-01T02:00:00+02:00"/>
    </event>
    <!-- <event/> --><?pi <event/>?>
    <event><string key="concept:name" value='say "no"'></string></event>
  </trace>
  <trace/>
  <trace><string key="concept:name" value="last"/><event/></trace>
</log>
"#;

const WHOLE_TOLD: &str = r#"[concept:name="A & B €" AMOUNT_REQ="20000"] concept:name="open" time:timestamp="2024-01-01T00:00:00Z" | concept:name="say \"no\""
[] 
[concept:name="last"] "#;

#[test]
fn traces_and_events_come_in_file_order_with_nothing_of_the_head() {
    assert_eq!(told(WHOLE), WHOLE_TOLD);
}

#[test]
fn a_gzipped_log_is_known_by_its_bytes_and_may_have_several_members() {
    assert_eq!(told(gzip(WHOLE.as_bytes())), WHOLE_TOLD);
    let (head, rest) = WHOLE.as_bytes().split_at(700);
    assert_eq!(told([gzip(head), gzip(rest)].concat()), WHOLE_TOLD);
}

#[test]
fn a_byte_order_mark_and_prefixed_names_are_no_obstacle() {
    let log = "\u{feff}<x:log xmlns:x=\"http://www.xes-standard.org/\"><x:trace>\
               <x:string key=\"concept:name\" value=\"1\"/><x:event/></x:trace></x:log>";
    assert_eq!(told(log), "[concept:name=\"1\"] ");
}

#[test]
fn nested_attributes_lists_and_containers_are_kept_where_they_are() {
    let log = r#"<log><trace>
      <list key="drivers"><values><string key="driver" value="x"><float key="amount" value="1.50"/></string></values></list>
      <event>
        <container key="box"><int key="a" value="1"/><list key="inner"><boolean key="b" value="true"/></list></container>
        <string key="concept:name" value="open"><string key="source" value="web"/></string>
        <id key="identity:id" value="f1"/>
        <unknown key="?" value="?"><string key="passed" value="over"/></unknown>
      </event>
      <string key="concept:name" value="after its events"/>
    </trace></log>"#;
    assert_eq!(
        told(log),
        "[drivers=\"\"{driver=\"x\"{amount=\"1.5\"}} concept:name=\"after its events\"] \
         box=\"\"{a=\"1\" inner=\"\"{b=\"true\"}} concept:name=\"open\"{source=\"web\"} identity:id=\"f1\""
    );
}

#[test]
fn an_event_outside_every_trace_is_a_trace_without_attributes() {
    let log = r#"<log><event><int key="a" value="1"/></event><trace><event/></trace><event/></log>"#;
    let traces = read(log).expect("a good log");
    assert_eq!(told(log), "[] a=\"1\"\n[] \n[] ");
    assert!(traces.iter().all(|trace| trace.events.len() == 1));
}

#[test]
fn a_log_of_nothing_has_no_trace() {
    assert_eq!(read("<log/>").expect("a good log"), []);
}

#[test]
fn an_attribute_without_a_value_is_blank() {
    assert_eq!(told(r#"<log><trace><date key="at"/></trace></log>"#), "[at=\"\"] ");
}

#[test]
fn what_is_no_log_is_refused_by_what_it_is() {
    assert_eq!(
        refused("<html><body/></html>"),
        "log.xes: line 1: not an XES log: its first element is <html>, expected <log>"
    );
    assert!(refused("case,activity\n1,open\n").contains("no <log> element"));
    assert!(refused("").contains("no <log> element"));
    assert!(refused("<log/><log/>").contains("<log> after the end of the log"));
}

#[test]
fn broken_xml_is_refused_with_its_line() {
    let wrong = |from: &str, to: &str| refused(WHOLE.replacen(from, to, 1));
    let said = wrong("</event>\n    <!--", "</evnt>\n    <!--");
    assert!(
        said.contains("line 16: broken XML at byte") && said.contains("</evnt>"),
        "{said}"
    );
    let said = wrong("value=\"20000\"", "value=20000");
    assert!(said.contains("line 12: broken XML in <int>"), "{said}");
    let said = wrong("&amp;", "&nothing;");
    assert!(
        said.contains("line 11: broken XML in <string>") && said.contains("nothing"),
        "{said}"
    );
    let said = wrong("value=\"open\"/>", "value=\"open/>");
    assert!(said.contains("line 14: broken XML"), "{said}");
    let said = wrong("key=\"AMOUNT_REQ\" ", "");
    assert!(said.contains("line 12: <int> has no key"), "{said}");
    let said = wrong("</event>\n", "\n");
    assert!(said.contains("line 18: <event> where only attributes may be"), "{said}");
}

#[test]
fn a_file_cut_short_is_refused_wherever_the_cut_is() {
    let end = WHOLE.find("</log>").expect("a log ends");
    for cut in [500, 900, end - 2, end, end + 3] {
        let said = refused(&WHOLE[..cut]);
        assert!(said.contains("log.xes: line "), "{said}");
        assert!(said.contains("cut short") || said.contains("not closed"), "{said}");
    }
    let packed = gzip(WHOLE.as_bytes());
    for cut in [12, packed.len() / 2, packed.len() - 9, packed.len() - 1] {
        let said = refused(&packed[..cut]);
        assert!(said.contains("cut short"), "{said}");
    }
}

#[test]
fn a_damaged_gzip_stream_is_refused() {
    let mut packed = gzip(WHOLE.as_bytes());
    let checksum = packed.len() - 8;
    packed[checksum] ^= 1;
    let said = refused(&packed);
    assert!(said.contains("unreadable") && said.contains("checksum"), "{said}");
}

#[test]
fn another_encoding_is_refused_by_name() {
    let said = refused(WHOLE.replace("UTF-8", "ISO-8859-1"));
    assert!(said.contains("the encoding is ISO-8859-1, expected UTF-8"), "{said}");
    let mut bytes = WHOLE.as_bytes().to_vec();
    let at = WHOLE.find("open").expect("an event");
    bytes[at] = 0xe9;
    let said = refused(bytes);
    assert!(said.contains("line 14: not UTF-8"), "{said}");
}

#[test]
fn a_tag_without_end_or_elements_without_bottom_are_refused_in_bounded_memory() {
    let head = Cursor::new(b"<log><trace><string key=\"a\" value=\"".to_vec());
    let endless = head.chain(std::io::repeat(b'a').take(1 << 30));
    let error = XesReader::new(Path::new("log.xes"), endless)
        .expect("begins well")
        .next()
        .expect("an answer")
        .expect_err("endless");
    assert!(error.to_string().contains("longer than 16777216 bytes"), "{error}");
    let deep = format!("<log><trace>{}", "<string key=\"a\">".repeat(1_000));
    assert!(refused(deep).contains("nested more than 100 deep"));
}

/// A log of so many traces, made as it is read, that counts its bytes.
struct Endless {
    n_traces: usize,
    left: Cursor<Vec<u8>>,
    n_read: Arc<AtomicUsize>,
}

const TRACE: &str =
    r#"<trace><string key="concept:name" value="case"/><event><int key="a" value="1"/></event></trace>"#;

impl Read for Endless {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let mut n_read = self.left.read(to)?;
        if n_read == 0 && self.n_traces > 0 {
            self.n_traces -= 1;
            let end = if self.n_traces == 0 { "</log>" } else { "" };
            self.left = Cursor::new(format!("{TRACE}{end}").into_bytes());
            n_read = self.left.read(to)?;
        }
        self.n_read.fetch_add(n_read, Ordering::Relaxed);
        Ok(n_read)
    }
}

#[test]
fn a_trace_comes_out_before_what_follows_it_is_read() {
    // More in all than one tag may have.
    let (n_traces, n_read) = (200_000, Arc::new(AtomicUsize::new(0)));
    let log = Endless {
        n_traces,
        left: Cursor::new(b"<log>".to_vec()),
        n_read: Arc::clone(&n_read),
    };
    let mut n_bytes = 0;
    for trace in XesReader::new(Path::new("log.xes"), log).expect("begins well") {
        assert_eq!(trace.expect("a good log").events.len(), 1);
        n_bytes += TRACE.len();
        let ahead = n_read.load(Ordering::Relaxed).saturating_sub(n_bytes);
        assert!(ahead < 256 << 10, "{ahead} bytes read ahead");
    }
    assert_eq!(n_bytes, n_traces * TRACE.len());
}

#[test]
fn nothing_comes_after_an_error() {
    let bytes = Cursor::new(b"<log><trace/><trace></log><trace/></log>".to_vec());
    let mut reader = XesReader::new(Path::new("log.xes"), bytes).expect("begins well");
    assert!(reader.next().expect("a trace").is_ok());
    assert!(reader.next().expect("an error").is_err());
    assert!(reader.next().is_none());
}

#[test]
fn an_empty_or_absent_file_is_told() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let error = XesReader::open(file.path()).err().expect("empty");
    assert!(error.to_string().contains("the file is empty"), "{error}");
    let error = XesReader::open(Path::new("/nowhere/log.xes")).err().expect("absent");
    assert!(matches!(error, Error::Io { .. }), "{error}");
}
