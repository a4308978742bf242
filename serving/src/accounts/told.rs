//! What was told of everyone, one file a day, so that it can be held against what came. Drawn in FORMAT.md.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use percorso_journey::spec::ChurnTarget;
use percorso_journey::{ByteReader, ByteWriter, CustomerKey, MalformedBytes, Spec, Timestamp};
use percorso_next_action::decide::is_held_out;
use sha2::{Digest, Sha256};

use super::ranking::{Listed, Ranking};

/// Every day is kept for so long; of older ones, one a week, as long as they can still be judged.
const EVERY_DAY: i64 = 40;
/// Days after its window's end in which a day is still kept.
const GRACE_DAYS: i64 = 14;
const ENDING: &str = "told";
const FORMAT: u8 = 1;
const NO_ACTION: u16 = u16::MAX;

/// What was told of everyone at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) as_of: Timestamp,
    /// The version that scored.
    pub(crate) version: String,
    /// What leaving meant then; see [`question`].
    pub(crate) question: [u8; 16],
    pub(crate) customers: Vec<ToldOf>,
}

/// What was told of one customer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ToldOf {
    pub(crate) key: CustomerKey,
    /// The first chance of leaving; `None` where it was not asked.
    pub(crate) chance: Option<f32>,
    pub(crate) value_at_risk: Option<f32>,
    /// What the recommended action was to bring in.
    pub(crate) gain: f32,
    /// Position of the recommended action.
    pub(crate) action: Option<u16>,
    /// Whether the customer was left alone, so that others can be compared with them.
    pub(crate) is_held_out: bool,
}

/// A digest of what leaving means first: what was told under another is not judged by this one.
pub(crate) fn question(spec: &Spec, target: ChurnTarget) -> [u8; 16] {
    let text = format!("{} {target:?} {:?}", spec.digest(), spec.churn()[target.definition]);
    let mut head = [0; 16];
    head.copy_from_slice(&Sha256::digest(text)[..16]);
    head
}

impl Told {
    /// What a ranking tells.
    pub(super) fn of(ranking: &Ranking, spec: &Spec, target: ChurnTarget) -> Self {
        let one = |listed: &Listed| ToldOf {
            key: listed.key,
            chance: listed.churn.map(|churn| churn.probability as f32),
            value_at_risk: listed.value_at_risk.map(|value| value as f32),
            gain: listed.gain as f32,
            action: listed.action,
            is_held_out: is_held_out(spec, listed.key),
        };
        Self {
            as_of: ranking.as_of,
            version: ranking.versions.scores().to_owned(),
            question: question(spec, target),
            customers: ranking.listed.iter().map(one).collect(),
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut to = ByteWriter::default();
        to.u8(FORMAT);
        to.i64(self.as_of.micros());
        to.text(&self.version);
        to.bytes(&self.question);
        to.u64(self.customers.len() as u64);
        for customer in &self.customers {
            to.bytes(customer.key.bytes());
            for number in [customer.chance, customer.value_at_risk, Some(customer.gain)] {
                to.u32(number.unwrap_or(f32::NAN).to_bits());
            }
            to.u16(customer.action.unwrap_or(NO_ACTION));
            to.u8(u8::from(customer.is_held_out));
        }
        let mut bytes = to.into_bytes();
        let digest = Sha256::digest(&bytes);
        bytes.extend(&digest[..16]);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, MalformedBytes> {
        let mut from = ByteReader::new(bytes, "what was told");
        let digest = bytes.len().checked_sub(16).map(|end| Sha256::digest(&bytes[..end]));
        if digest.is_none_or(|digest| digest[..16] != bytes[bytes.len() - 16..]) || from.u8()? != FORMAT {
            return Err(from.malformed());
        }
        let as_of = Timestamp::from_micros(from.i64()?);
        let version = from.text()?.to_owned();
        let question = from.array()?;
        let n_customers = from.u64()?;
        let mut customers = Vec::new();
        for _ in 0..n_customers {
            let key = CustomerKey::from_bytes(from.array()?);
            let mut number = || Ok(Some(f32::from_bits(from.u32()?)).filter(|number| !number.is_nan()));
            let (chance, value_at_risk, gain) = (number()?, number()?, number()?);
            customers.push(ToldOf {
                key,
                chance,
                value_at_risk,
                gain: gain.unwrap_or(0.0),
                action: Some(from.u16()?).filter(|action| *action != NO_ACTION),
                is_held_out: from.u8()? == 1,
            });
        }
        from.take(16)?;
        from.end()?;
        Ok(Self {
            as_of,
            version,
            question,
            customers,
        })
    }
}

/// The folder of the days, beside the store so that a load leaves it alone.
pub(super) struct Days(PathBuf);

impl Days {
    pub(super) fn at(dir: PathBuf) -> Self {
        Self(dir)
    }

    /// The days kept, counted from 1970-01-01, in order.
    pub(super) fn kept(&self) -> std::io::Result<BTreeSet<i64>> {
        let mut days = BTreeSet::new();
        if !self.0.exists() {
            return Ok(days);
        }
        for entry in std::fs::read_dir(&self.0)? {
            let path = entry?.path();
            let is_told = path.extension().is_some_and(|ending| ending == ENDING);
            let date = path.file_stem().and_then(|name| name.to_str()?.parse::<Date>().ok());
            days.extend(date.filter(|_| is_told).map(day_of));
        }
        Ok(days)
    }

    /// What was told on a day; one that is damaged is none.
    pub(super) fn read(&self, day: i64) -> std::io::Result<Option<Told>> {
        let bytes = std::fs::read(self.path(day))?;
        match Told::from_bytes(&bytes) {
            Ok(told) => Ok(Some(told)),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    day,
                    "what was told cannot be read"
                );
                Ok(None)
            }
        }
    }

    /// Keeps what is told on a day, whole or not at all, and forgets days that can no longer be judged.
    pub(super) fn keep(&self, day: i64, told: &Told, window_days: i64) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.0)?;
        let writing = self.0.join("writing");
        let mut file = std::fs::File::create(&writing)?;
        file.write_all(&told.to_bytes())?;
        file.sync_all()?;
        std::fs::rename(&writing, self.path(day))?;
        std::fs::File::open(&self.0)?.sync_all()?;
        for old in self.kept()? {
            if !is_kept(day - old, old, window_days) {
                std::fs::remove_file(self.path(old))?;
            }
        }
        Ok(())
    }

    fn path(&self, day: i64) -> PathBuf {
        let date = epoch().saturating_add(jiff::Span::new().days(day));
        Path::new(&self.0).join(format!("{date}.{ENDING}"))
    }
}

/// Whether a day of such an age stays.
fn is_kept(age_days: i64, day: i64, window_days: i64) -> bool {
    let is_weekly = day.rem_euclid(7) == 0;
    age_days <= EVERY_DAY || (is_weekly && age_days <= window_days + GRACE_DAYS)
}

fn epoch() -> Date {
    jiff::civil::date(1970, 1, 1)
}

fn day_of(date: Date) -> i64 {
    let since = date.duration_since(epoch());
    since.as_hours() / 24
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(as_of: i64) -> Told {
        let of = |byte, chance| ToldOf {
            key: CustomerKey::from_bytes([byte; 16]),
            chance,
            value_at_risk: chance.map(|chance| 100.0 * chance),
            gain: 1.5,
            action: chance.map(|_| 3),
            is_held_out: byte == 2,
        };
        Told {
            as_of: Timestamp::from_micros(as_of),
            version: "7".to_owned(),
            question: [9; 16],
            customers: vec![of(1, Some(0.25)), of(2, None)],
        }
    }

    #[test]
    fn what_was_told_is_read_as_it_was_kept_and_not_when_a_byte_differs() {
        let bytes = told(5).to_bytes();
        assert_eq!(Told::from_bytes(&bytes).unwrap(), told(5));
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 1;
            assert!(Told::from_bytes(&broken).is_err(), "byte {at}");
        }
        assert!(Told::from_bytes(&bytes[..10]).is_err());
        assert!(Told::from_bytes(&[]).is_err());
    }

    #[test]
    fn every_day_is_kept_for_forty_days_and_one_a_week_until_it_is_judged() {
        let folder = tempfile::tempdir().unwrap();
        let days = Days::at(folder.path().join("told"));
        assert!(days.kept().unwrap().is_empty());
        for day in 20_000..20_200 {
            days.keep(day, &told(day), 90).unwrap();
        }
        let kept: Vec<i64> = days.kept().unwrap().into_iter().collect();
        let (weekly, daily) = kept.split_at(kept.len() - 41);
        assert_eq!(daily, (20_159..=20_199).collect::<Vec<_>>());
        assert!(weekly.iter().all(|day| day % 7 == 0 && 20_199 - day <= 104));
        assert_eq!(weekly.len(), 9, "{weekly:?}");
        assert_eq!(days.read(20_180).unwrap().unwrap(), told(20_180));
        std::fs::write(days.path(20_180), b"broken").unwrap();
        assert_eq!(days.read(20_180).unwrap(), None);
    }
}
