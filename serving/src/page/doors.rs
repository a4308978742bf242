//! Who may come in: a token that works once, then a session in a cookie, or whom a trusted proxy names; and a secret in every
//! form.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

/// The cookie that holds a session.
pub(super) const SESSION: &str = "percorso_session";
/// How long a session lasts.
pub(super) const SESSION_LASTS: Duration = Duration::from_secs(12 * 3_600);

/// The token to enter with, and the sessions of those who did.
pub(super) struct Doors {
    /// The digest of the token, until it is used.
    token: Mutex<Option<[u8; 32]>>,
    /// By the digests of their secrets, so that looking one up tells nothing of others by how long it takes.
    sessions: Mutex<HashMap<[u8; 32], Instant>>,
    /// What the forms of those are made from whom a trusted proxy names.
    secret: String,
}

/// Someone who is in.
#[derive(Clone)]
pub(super) struct Session {
    /// Stands for the session in audits; whom a proxy names, by that name.
    pub(super) name: String,
    /// What its forms have to hold.
    pub(super) form_secret: String,
}

impl Doors {
    /// Closed doors, and the token that opens them once.
    pub(super) fn closed() -> Result<(Self, String), getrandom::Error> {
        let token = secret()?;
        let doors = Self {
            token: Mutex::new(Some(digest(&token))),
            sessions: Mutex::default(),
            secret: secret()?,
        };
        Ok((doors, token))
    }

    /// A session's secret for the token; `None` when it is another, or was used.
    pub(super) fn enter(&self, token: &str) -> Option<String> {
        let mut awaited = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if *awaited != Some(digest(token)) {
            return None;
        }
        let session = secret().ok()?;
        *awaited = None;
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(digest(&session), Instant::now());
        Some(session)
    }

    /// Who has this session's secret; `None` where there is no such session, or no longer.
    pub(super) fn who(&self, session: &str) -> Option<Session> {
        let digest = digest(session);
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, since| since.elapsed() < SESSION_LASTS);
        sessions.contains_key(&digest).then(|| Session {
            name: hex(&digest[..4]),
            form_secret: form_secret(session),
        })
    }

    /// Someone whom a trusted proxy names.
    pub(super) fn named(&self, user: &str) -> Session {
        Session {
            name: user.to_owned(),
            form_secret: form_secret(&format!("{}\0{user}", self.secret)),
        }
    }
}

impl Session {
    /// Whether a form was made for this session.
    pub(super) fn made(&self, form_secret: &str) -> bool {
        digest(form_secret) == digest(&self.form_secret)
    }
}

/// 32 random bytes in hex.
fn secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(hex(&bytes))
}

fn form_secret(session: &str) -> String {
    hex(&Sha256::digest([b"form\0", session.as_bytes()].concat()))
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_the_door_once() {
        let (doors, token) = Doors::closed().unwrap();
        assert!(doors.enter("another").is_none());
        let session = doors.enter(&token).unwrap();
        assert!(doors.enter(&token).is_none());
        let who = doors.who(&session).unwrap();
        assert!(who.made(&who.form_secret) && !who.made(""));
        assert!(doors.who(&token).is_none());
    }
}
