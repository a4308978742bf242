//! A browser that knows HTTP, cookies and forms, and a page to look at.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use percorso_artefact::Registry;
use percorso_journey::Spec;
use percorso_serving::{AccountsSettings, People, Person, Settings};

use crate::common::{Happening, Running, happening, load, publish_model, secret, settings, spec_with_actions};

/// A page over customers of whom `loyal` ones may be called.
pub(crate) struct House {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) server: Running,
    pub(crate) address: SocketAddr,
    /// The path of the link that lets someone enter once.
    pub(crate) entry: String,
}

/// What a server answered.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answered {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(found, _)| found == name);
        named.next().map(|(_, value)| value.as_str())
    }

    /// Where a form's hidden field of this name holds.
    pub(crate) fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let rest = self.body.split(&start).nth(1).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    /// The places of texts in the page, all of which it must hold.
    #[track_caller]
    pub(crate) fn places<const N: usize>(&self, texts: [&str; N]) -> [usize; N] {
        texts.map(|text| {
            self.body
                .find(text)
                .unwrap_or_else(|| panic!("no {text} in {}", self.body))
        })
    }
}

/// Bought something a while ago for so much, and may be called or not.
pub(crate) fn customer(id: &str, loyal: bool, value: f64) -> (String, Vec<Happening>) {
    let mut first = happening(&format!("{id}-1"), "purchase", 60.0);
    first.value = Some(value);
    let mut last = happening(&format!("{id}-2"), "purchase", 90.0);
    (last.loyal, last.value, last.channel) = (Some(loyal), Some(value), Some("web"));
    (id.to_owned(), vec![first, last])
}

/// Who is in the house: two may be called, and one of those buys for more.
pub(crate) fn customers() -> Vec<(String, Vec<Happening>)> {
    vec![
        customer("poor-postcard", false, 10.0),
        customer("rich-postcard", false, 900.0),
        customer("poor-call", true, 20.0),
        customer("rich-call", true, 300.0),
        customer("<b>bold</b>", false, 5.0),
        customer("=cmd", false, 4.0),
    ]
}

fn with_page(dir: &Path, spec: Arc<Spec>) -> Settings {
    let person = |(id, _): (String, _)| {
        let owner = (id == "rich-call").then(|| "Ada <i>".to_owned());
        (secret().key_of(&id), Person { id, owner })
    };
    let people: HashMap<_, _> = customers().into_iter().map(person).collect();
    Settings {
        spec,
        accounts: AccountsSettings {
            people: People::new(people),
            rank_every: Duration::from_secs(3_600),
        },
        page: Some("127.0.0.1:0".parse().unwrap()),
        ..settings(dir)
    }
}

impl House {
    pub(crate) async fn open() -> House {
        House::of(spec_with_actions()).await
    }

    pub(crate) async fn of(spec: Arc<Spec>) -> House {
        House::with(spec, |_| ()).await
    }

    /// A house of which something is changed before it opens.
    pub(crate) async fn with(spec: Arc<Spec>, change: impl FnOnce(&mut Settings)) -> House {
        let folder = tempfile::tempdir().unwrap();
        publish_model(&Registry::at(folder.path().join("models")), &spec, 1);
        let mut customers = customers();
        // Nobody knows this one's id.
        customers.push(customer("stranger", false, 1.0));
        load(&folder.path().join("store"), &spec, &customers);
        let mut settings = with_page(folder.path(), spec);
        change(&mut settings);
        let server = Running::with(folder.path(), settings).await;
        let entry = server.page_entry.clone().unwrap();
        let (address, path) = entry.strip_prefix("http://").unwrap().split_once('/').unwrap();
        House {
            address: address.parse().unwrap(),
            entry: format!("/{path}"),
            folder,
            server,
        }
    }

    /// Someone who has entered.
    pub(crate) async fn entered(&self) -> Browser {
        let answered = Browser::at(self.address).get(&self.entry).await;
        assert_eq!(answered.status, 303);
        let cookie = answered.header("set-cookie").unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Browser {
            cookies: vec![cookie],
            ..Browser::at(self.address)
        }
    }

    /// Where a customer's page is.
    pub(crate) fn path(&self, id: &str) -> String {
        format!("/customer/{}", secret().key_of(id))
    }
}

/// What a browser sends with every request.
#[derive(Clone)]
pub(crate) struct Browser {
    pub(crate) address: SocketAddr,
    pub(crate) host: String,
    pub(crate) language: String,
    pub(crate) cookies: Vec<String>,
    pub(crate) origin: Option<String>,
    /// Whom a proxy names.
    pub(crate) user: Option<String>,
}

impl Browser {
    pub(crate) fn at(address: SocketAddr) -> Browser {
        Browser {
            address,
            host: address.to_string(),
            language: "en".to_owned(),
            cookies: Vec::new(),
            origin: None,
            user: None,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.ask(format!("GET {path} HTTP/1.1\r\n"), String::new()).await
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answered {
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let body = body.join("&");
        let head = format!(
            "POST {path} HTTP/1.1\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n",
            body.len()
        );
        self.ask(head, body).await
    }

    async fn ask(&self, head: String, body: String) -> Answered {
        let browser = self.clone();
        let asking = move || browser.ask_now(&head, &body);
        tokio::task::spawn_blocking(asking).await.unwrap()
    }

    fn ask_now(&self, head: &str, body: &str) -> Answered {
        let mut request = format!(
            "{head}host: {}\r\naccept-language: {}\r\ncookie: {}\r\nconnection: close\r\n",
            self.host,
            self.language,
            self.cookies.join("; ")
        );
        if let Some(origin) = &self.origin {
            request += &format!("origin: {origin}\r\n");
        }
        if let Some(user) = &self.user {
            request += &format!("X-Forwarded-User: {user}\r\n");
        }
        request += "\r\n";
        request += body;
        let mut connection = TcpStream::connect(self.address).unwrap();
        connection.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        connection.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        };
        let headers: Vec<(String, String)> = lines.map(header).collect();
        let in_parts = headers
            .iter()
            .any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        Answered {
            status,
            headers,
            body: if in_parts { joined(body) } else { body.to_owned() },
        }
    }

    /// The list, once everyone is ranked.
    pub(crate) async fn list(&self, query: &str) -> Answered {
        for _ in 0..10_000 {
            let answered = self.get(&format!("/?{query}")).await;
            assert_eq!(answered.status, 200, "{}", answered.body);
            if answered.header("refresh").is_none() {
                return answered;
            }
        }
        panic!("nobody is ever ranked");
    }
}

/// A body that was sent in parts, each led by its length in hex.
fn joined(body: &str) -> String {
    let (mut rest, mut whole) = (body, String::new());
    while let Some((length, parts)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        whole += &parts[..length];
        rest = &parts[length + 2..];
    }
    whole
}
