//! From the file as written to a spec with nothing left to guess.

use std::collections::BTreeSet;

use super::check_action::{checked_actions, checked_decisions};
use super::check_source::{checked_source, contract_field};
use super::raw::{
    RawAttribute, RawAttributeKind, RawChurn, RawChurnKind, RawDesignedMap, RawResponse, RawSpec, RawTouchpoint,
};
use super::{
    Attribute, AttributeKind, ChurnDefinition, ChurnKind, DesignedMap, DesignedMove, NamedCategory, NextStageQuestion,
    Population, Response, Spec, SpecError, Touchpoint, Training,
};
use crate::TimeGrid;

/// Columns that canonical events have beside the contract's.
const RESERVED: [&str; 3] = ["customer_key", "source_file", "source_row"];
const MAX_STAGES: usize = 64;
const MAX_CHANNELS: usize = 64;
const MAX_TOUCHPOINTS: usize = 1_000;
const MAX_ATTRIBUTES: usize = 1_000;
const MAX_HORIZON_DAYS: u32 = 3_650;

pub(super) fn check(raw: RawSpec) -> Result<Spec, SpecError> {
    if raw.format != 1 {
        return Err(SpecError::at(
            "format",
            format!("this program reads format 1, found {}", raw.format),
        ));
    }
    if !(0.0..=1.0).contains(&raw.tolerated_bad_share) {
        return Err(SpecError::at(
            "tolerated_bad_share",
            format!("expected 0 to 1, found {}", raw.tolerated_bad_share),
        ));
    }
    let time_zone = jiff::tz::TimeZoneDatabase::bundled().get(&raw.time_zone).map_err(|_| {
        SpecError::at(
            "time_zone",
            format!("no time zone is named `{}`; see the IANA list", raw.time_zone),
        )
    })?;

    let n_designed_stages = raw.stages.order.len();
    let stages: Vec<String> = raw.stages.order.into_iter().chain([raw.stages.leaving]).collect();
    distinct("stages", &stages, 2..=MAX_STAGES)?;
    if stages.iter().any(|stage| stage == "none") {
        return Err(SpecError::at(
            "stages",
            "`none` is what the next stage is called when nothing comes",
        ));
    }
    let channels: Vec<String> = raw.channels.names.into_iter().chain(["other".to_owned()]).collect();
    distinct("channels.names", &channels, 1..=MAX_CHANNELS)?;
    let touchpoints = touchpoints(&raw.touchpoint, &stages)?;
    let attributes = attributes(&raw.attribute)?;
    let names = Names {
        channels: &channels,
        stages: &stages,
        touchpoints: &touchpoints,
        attributes: &attributes,
    };

    let churn = churn(&raw.churn, &names)?;
    let having = names.touchpoints("population.having", &raw.population.having)?;
    let population = Population {
        seen_within_days: raw.population.seen_within_days,
        having,
        who_left: raw.population.who_left,
    };
    positive("population.seen_within_days", population.seen_within_days.unwrap_or(1))?;
    let training = Training {
        every_days: positive("training.every_days", raw.training.every_days)?,
        cutoffs: positive("training.cutoffs", raw.training.cutoffs)?,
        min_customers_per_value: positive("training.min_customers_per_value", raw.training.min_customers_per_value)?,
    };
    let next_stage = NextStageQuestion {
        horizon_days: horizon("next_stage.horizon_days", raw.next_stage.horizon_days)?,
        grid: raw
            .next_stage
            .grid_days
            .as_deref()
            .map(|ends_days| grid(ends_days, raw.next_stage.horizon_days))
            .transpose()?,
    };
    let designed_maps = designed_maps(&raw.designed_map, &names)?;
    let sources = raw
        .source
        .into_iter()
        .enumerate()
        .map(|(at, source)| checked_source(&format!("source[{at}]"), source, &names))
        .collect::<Result<_, _>>()?;

    let actions = checked_actions(raw.action, &names)?;
    let decisions = checked_decisions(raw.decisions, &actions)?;

    // The canonical text of meaning: Debug of checked values is stable and complete, and holds no path.
    let declared = format!(
        "{:?}",
        (
            1,
            &raw.time_zone,
            raw.allowed_lateness_days,
            &stages,
            &channels,
            touchpoints
                .iter()
                .map(|met| (&met.name, met.stage, met.contact, met.response))
                .collect::<Vec<_>>(),
            attributes
                .iter()
                .map(|known| {
                    let is_told = known.is_told_by_events();
                    (&known.name, known.kind, &known.unit, known.sensitive, is_told)
                })
                .collect::<Vec<_>>(),
            &designed_maps,
            &churn,
            &next_stage,
            &population,
        )
    );
    Ok(Spec {
        name: raw.name,
        time_zone,
        allowed_lateness_days: i64::from(raw.allowed_lateness_days),
        tolerated_bad_share: raw.tolerated_bad_share,
        sources,
        stages,
        n_designed_stages,
        channels,
        touchpoints,
        attributes,
        designed_maps,
        churn,
        next_stage,
        population,
        training,
        decisions,
        actions,
        declared,
    })
}

/// The names that other keys refer to.
pub(super) struct Names<'a> {
    channels: &'a [String],
    stages: &'a [String],
    touchpoints: &'a [Touchpoint],
    pub(super) attributes: &'a [Attribute],
}

impl Names<'_> {
    pub(super) fn channel(&self, key: &str, name: &str) -> Result<u16, SpecError> {
        position(self.channels, key, "channel", name)
    }

    pub(super) fn stage(&self, key: &str, name: &str) -> Result<u16, SpecError> {
        position(self.stages, key, "stage", name)
    }

    fn touchpoints(&self, key: &str, names: &[String]) -> Result<Vec<u16>, SpecError> {
        let mut found = BTreeSet::new();
        for name in names {
            let at = self.touchpoints.iter().position(|touchpoint| touchpoint.name == *name);
            let known = || self.touchpoints.iter().map(|touchpoint| touchpoint.name.as_str());
            found.insert(at.ok_or_else(|| SpecError::unknown(key, "touchpoint", name, known()))? as u16);
        }
        Ok(found.into_iter().collect())
    }

    pub(super) fn attribute(&self, key: &str, name: &str) -> Result<u16, SpecError> {
        let known = || self.attributes.iter().map(|attribute| attribute.name.as_str());
        let at = self.attributes.iter().position(|attribute| attribute.name == name);
        at.map(|at| at as u16)
            .ok_or_else(|| SpecError::unknown(key, "attribute", name, known()))
    }
}

fn position(list: &[String], key: &str, what: &str, name: &str) -> Result<u16, SpecError> {
    let at = list.iter().position(|known| known == name);
    at.map(|at| at as u16)
        .ok_or_else(|| SpecError::unknown(key, what, name, list.iter().map(String::as_str)))
}

pub(super) fn distinct(key: &str, names: &[String], allowed: std::ops::RangeInclusive<usize>) -> Result<(), SpecError> {
    if !allowed.contains(&names.len()) {
        let message = format!(
            "expected {} to {} names, found {}",
            allowed.start(),
            allowed.end(),
            names.len()
        );
        return Err(SpecError::at(key, message));
    }
    let mut seen = BTreeSet::new();
    for name in names {
        if name.trim().is_empty() || name.len() > 200 {
            return Err(SpecError::at(
                key,
                format!("a name has 1 to 200 bytes and is not blank, found `{name}`"),
            ));
        }
        if !seen.insert(name) {
            return Err(SpecError::at(key, format!("`{name}` is declared twice")));
        }
    }
    Ok(())
}

fn positive(key: &str, number: u32) -> Result<u32, SpecError> {
    if (1..=1_000_000).contains(&number) {
        Ok(number)
    } else {
        Err(SpecError::at(key, format!("expected 1 to 1,000,000, found {number}")))
    }
}

pub(super) fn horizon(key: &str, days: u32) -> Result<u32, SpecError> {
    if (1..=MAX_HORIZON_DAYS).contains(&days) {
        Ok(days)
    } else {
        Err(SpecError::at(
            key,
            format!("expected 1 to {MAX_HORIZON_DAYS} days, found {days}"),
        ))
    }
}

fn grid(ends_days: &[f64], horizon_days: u32) -> Result<TimeGrid, SpecError> {
    let key = "next_stage.grid_days";
    let grid = TimeGrid::new(ends_days).map_err(|error| SpecError::at(key, error.to_string()))?;
    if grid.is_coarse_enough(f64::from(horizon_days)) {
        return Ok(grid);
    }
    let expected = format!("the last interval, which is repeated, to be longer: too many fit in {horizon_days} days");
    Err(SpecError::at(key, format!("expected {expected}")))
}

fn touchpoints(raw: &[RawTouchpoint], stages: &[String]) -> Result<Vec<Touchpoint>, SpecError> {
    let names: Vec<String> = raw.iter().map(|touchpoint| touchpoint.name.clone()).collect();
    distinct("touchpoint", &names, 1..=MAX_TOUCHPOINTS)?;
    let touchpoint = |(at, raw): (usize, &RawTouchpoint)| {
        Ok(Touchpoint {
            name: raw.name.clone(),
            stage: position(stages, &format!("touchpoint[{at}].stage"), "stage", &raw.stage)?,
            area: raw.area.clone(),
            tool: raw.tool.clone(),
            online: raw.online,
            contact: raw.contact,
            response: raw.response.as_ref().map(|response| match response {
                RawResponse::Accepted => Response::Accepted,
                RawResponse::Rejected => Response::Rejected,
            }),
        })
    };
    raw.iter().enumerate().map(touchpoint).collect()
}

fn attributes(raw: &[RawAttribute]) -> Result<Vec<Attribute>, SpecError> {
    let built_in = ["audience", "product"].map(|name| Attribute {
        name: name.to_owned(),
        kind: AttributeKind::Category,
        unit: None,
        known_at_start: false,
        sum_of_lines: false,
        personal: false,
        sensitive: false,
    });
    let declared = raw.iter().map(|raw| Attribute {
        name: raw.name.clone(),
        kind: match raw.kind {
            RawAttributeKind::Number => AttributeKind::Number,
            RawAttributeKind::Category => AttributeKind::Category,
            RawAttributeKind::Timestamp => AttributeKind::Timestamp,
            RawAttributeKind::Flag => AttributeKind::Flag,
        },
        unit: raw.unit.clone(),
        known_at_start: raw.known_at_start,
        sum_of_lines: raw.sum_of_lines,
        personal: raw.personal,
        sensitive: raw.sensitive,
    });
    let attributes: Vec<Attribute> = built_in.into_iter().chain(declared).collect();
    let names: Vec<String> = attributes.iter().map(|attribute| attribute.name.clone()).collect();
    distinct("attribute", &names, 2..=MAX_ATTRIBUTES)?;
    let is_no_sum = |attribute: &&Attribute| attribute.sum_of_lines && !attribute.is_told_by_events();
    if let Some(attribute) = attributes.iter().find(is_no_sum) {
        return Err(SpecError::at(
            format!("attribute.{}.sum_of_lines", attribute.name),
            "only a number that is not known at the start can be summed over lines",
        ));
    }
    let is_taken = |name: &&String| contract_field(name).is_some() || RESERVED.contains(&name.as_str());
    if let Some(name) = names.iter().skip(2).find(is_taken) {
        return Err(SpecError::at(
            "attribute",
            format!("`{name}` is a field of the event contract, not an attribute"),
        ));
    }
    Ok(attributes)
}

fn churn(raw: &[RawChurn], names: &Names<'_>) -> Result<Vec<ChurnDefinition>, SpecError> {
    let declared: Vec<String> = raw.iter().map(|definition| definition.name.clone()).collect();
    distinct("churn", &declared, 1..=32)?;
    let definition = |(at, raw): (usize, &RawChurn)| {
        Ok(ChurnDefinition {
            name: raw.name.clone(),
            kind: churn_kind(&format!("churn[{at}]"), raw, names)?,
        })
    };
    let definitions: Vec<ChurnDefinition> = raw.iter().enumerate().map(definition).collect::<Result<_, _>>()?;
    for (at, definition) in definitions.iter().enumerate() {
        let is_silence = matches!(definition.kind, ChurnKind::Inactivity { .. });
        let same = definitions[..at].iter().find(|other| other.kind == definition.kind);
        if let Some(same) = same.filter(|_| is_silence) {
            let message = format!("`{}` already asks for this silence of these touchpoints", same.name);
            return Err(SpecError::at(format!("churn[{at}]"), message));
        }
    }
    Ok(definitions)
}

fn churn_kind(key: &str, raw: &RawChurn, names: &Names<'_>) -> Result<ChurnKind, SpecError> {
    let (kind, allowed): (_, &[&str]) = match raw.kind {
        RawChurnKind::Event => ("event", &["touchpoints", "horizons_days"]),
        RawChurnKind::Contract => ("contract", &["ends_at", "renewed_by", "grace_days", "horizons_days"]),
        RawChurnKind::Inactivity => ("inactivity", &["touchpoints", "days"]),
    };
    let given = [
        ("touchpoints", raw.touchpoints.is_some()),
        ("horizons_days", raw.horizons_days.is_some()),
        ("days", raw.days.is_some()),
        ("ends_at", raw.ends_at.is_some()),
        ("renewed_by", raw.renewed_by.is_some()),
        ("grace_days", raw.grace_days.is_some()),
    ];
    for (name, is_given) in given {
        if is_given && !allowed.contains(&name) {
            let message = format!(
                "churn of kind `{kind}` has no such key; it takes {}",
                allowed.join(", ")
            );
            return Err(SpecError::at(format!("{key}.{name}"), message));
        }
    }
    let missing = |name: &str| {
        SpecError::at(
            format!("{key}.{name}"),
            format!("churn of kind `{kind}` needs this key"),
        )
    };
    let touchpoints = |name: &str, list: &Option<Vec<String>>| {
        let list = list
            .as_ref()
            .filter(|list| !list.is_empty())
            .ok_or_else(|| missing(name))?;
        names.touchpoints(&format!("{key}.{name}"), list)
    };
    let horizons_days = || {
        let list = raw
            .horizons_days
            .as_ref()
            .filter(|list| !list.is_empty())
            .ok_or_else(|| missing("horizons_days"))?;
        let rising: BTreeSet<u32> = list
            .iter()
            .map(|&days| horizon(&format!("{key}.horizons_days"), days))
            .collect::<Result<_, _>>()?;
        Ok(rising.into_iter().collect())
    };
    match raw.kind {
        RawChurnKind::Event => Ok(ChurnKind::Event {
            touchpoints: touchpoints("touchpoints", &raw.touchpoints)?,
            horizons_days: horizons_days()?,
        }),
        RawChurnKind::Inactivity => Ok(ChurnKind::Inactivity {
            touchpoints: touchpoints("touchpoints", &raw.touchpoints)?,
            days: horizon(&format!("{key}.days"), raw.days.ok_or_else(|| missing("days"))?)?,
        }),
        RawChurnKind::Contract => {
            let name = raw.ends_at.as_ref().ok_or_else(|| missing("ends_at"))?;
            let ends_at_key = format!("{key}.ends_at");
            let ends_at = names.attribute(&ends_at_key, name)?;
            if names.attributes[usize::from(ends_at)].kind != AttributeKind::Timestamp {
                return Err(SpecError::at(
                    ends_at_key,
                    format!("attribute `{name}` is not of kind `timestamp`"),
                ));
            }
            Ok(ChurnKind::Contract {
                ends_at,
                renewed_by: touchpoints("renewed_by", &raw.renewed_by)?,
                grace_days: match raw.grace_days {
                    None | Some(0) => 0,
                    Some(days) => horizon(&format!("{key}.grace_days"), days)?,
                },
                horizons_days: horizons_days()?,
            })
        }
    }
}

fn designed_maps(raw: &[RawDesignedMap], names: &Names<'_>) -> Result<Vec<DesignedMap>, SpecError> {
    let mut maps = Vec::with_capacity(raw.len());
    for (at, raw) in raw.iter().enumerate() {
        let mut moves = Vec::with_capacity(raw.moves.len());
        for (step, raw) in raw.moves.iter().enumerate() {
            let key = format!("designed_map[{at}].moves[{step}]");
            if !(raw.within_days > 0.0 && raw.within_days.is_finite()) {
                let message = format!("expected more than 0 days, found {}", raw.within_days);
                return Err(SpecError::at(format!("{key}.within_days"), message));
            }
            moves.push(DesignedMove {
                from: names.stage(&format!("{key}.from"), &raw.from)?,
                to: names.stage(&format!("{key}.to"), &raw.to)?,
                within_days: raw.within_days,
            });
        }
        let named = |name: &Option<String>| name.as_deref().map(NamedCategory::of);
        maps.push(DesignedMap {
            audience: named(&raw.audience),
            product: named(&raw.product),
            moves,
        });
    }
    maps.sort_by_key(|map| std::cmp::Reverse(usize::from(map.audience.is_some()) + usize::from(map.product.is_some())));
    Ok(maps)
}
