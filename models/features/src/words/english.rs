//! Features in English. Names stand plain.

use super::{Value, amount, figure, nth, percentage};
use crate::told::{Gap, Quarter, Things, Told};

pub(super) fn sentence(told: &Told, value: Value<'_>) -> String {
    match told {
        Told::Count(things) => count(&noun(things), value, "so far"),
        Told::Lately { things, half_life_days } => lately(&noun(things), value, *half_life_days),
        Told::Since(Things::Events) => value.number_or("not seen yet", |days| format!("last seen {}", ago(days))),
        Told::Since(things) => {
            let Noun { one, .. } = noun(things);
            value.number_or(&format!("no {one} yet"), |days| format!("last {one} {}", ago(days)))
        }
        Told::FirstSeen => value.number_or("not seen yet", |days| format!("first seen {}", ago(days))),
        Told::SilentShare => value.number_or(
            "not known long enough to tell how much of the time was silent",
            |share| format!("silent for {}% of the time since first seen", percentage(share)),
        ),
        Told::UsualGap { things, gap } => in_rhythm(things, *gap, value, |days, many| {
            format!("average time between {many}: {}", self::days(days))
        }),
        Told::GapSpread { things, gap } => in_rhythm(things, *gap, value, |days, many| {
            format!("times between {many} vary by {}", self::days(days))
        }),
        Told::LastGap { things, gap } => in_rhythm(things, *gap, value, |days, many| {
            format!("time between the last two {many}: {}", self::days(days))
        }),
        Told::SilenceOverGap { things, gap } => in_rhythm(things, *gap, value, silence_over_gap),
        Told::SilenceAgainstRhythm { things, gap } => in_rhythm(things, *gap, value, silence_against_rhythm),
        Told::InLastWeeks { things, n_weeks } => count(&noun(things), value, &format!("in the last {n_weeks} weeks")),
        Told::WeeksWith { things, n_weeks } => spans(&noun(things), value, &format!("the last {n_weeks} weeks")),
        Told::MonthsWith { things, n_months } => spans(
            &noun(things),
            value,
            &format!("the last {n_months} periods of four weeks"),
        ),
        Told::LastYear { things, quarter } => {
            let side = match quarter {
                Quarter::Before => "before",
                Quarter::After => "after",
            };
            count(
                &noun(things),
                value,
                &format!("in the 13 weeks {side} this day last year"),
            )
        }
        Told::PaidSum => value.number_or("amount paid not known", |sum| match sum {
            0.0 => "nothing paid so far".to_owned(),
            sum => format!("paid {} in all so far", number(sum)),
        }),
        Told::RefundedSum => value.number_or("amount refunded not known", |sum| match sum {
            0.0 => "nothing refunded so far".to_owned(),
            sum => format!("refunded {} in all so far", number(sum)),
        }),
        Told::PaymentMean => value.number_or("no payment yet", |mean| format!("average payment: {}", number(mean))),
        Told::PaymentSpread => value.number_or("fewer than two payments so far", |spread| match spread {
            0.0 => "payments are always the same".to_owned(),
            spread => format!("payments vary by {}", number(spread)),
        }),
        Told::PaymentGreatest => value.number_or("no payment yet", |paid| format!("largest payment: {}", number(paid))),
        Told::PaymentLast => value.number_or("no payment yet", |paid| format!("last payment: {}", number(paid))),
        Told::PaidLately { half_life_days } => value.number_or("amount paid lately not known", |sum| {
            let weight = weight(*half_life_days);
            format!("paid lately, less refunds: {} ({weight})", number(sum))
        }),
        Told::StageNow => value.label_or("in no stage yet", "now in a rare stage", |stage| {
            format!("now in the stage {stage}")
        }),
        Told::StageFurthest { stages } => value.number_or("furthest stage reached not known", |position| {
            match nth(stages, position) {
                // Position 0 is also that of a customer who was in no designed stage at all.
                Some(first) if position == 0.0 => format!("not past the stage {first} so far"),
                Some(stage) => format!("furthest stage reached: {stage}"),
                None => format!("furthest stage reached: number {}", number(position + 1.0)),
            }
        }),
        Told::StageStay => value.number_or("in no stage yet", |days| {
            format!("in the present stage for {}", self::days(days))
        }),
        Told::StayOverDesigned => value.number_or("no time planned for the present stage", |times| {
            let told = number(times);
            if times < 1.0 {
                format!(
                    "in the present stage within the time planned for it ({}% of that time)",
                    percentage(times)
                )
            } else if times == 1.0 {
                "in the present stage for the time planned for it".to_owned()
            } else {
                format!("in the present stage for {told} times the time planned for it")
            }
        }),
        Told::TouchpointRun => value.number_or("repetition of the last touchpoint not known", |run| match run {
            0.0 => "no touchpoint yet".to_owned(),
            1.0 => "the last touchpoint was not a repetition".to_owned(),
            run => format!("the last touchpoint came {} times in a row", number(run)),
        }),
        Told::TouchpointBack { place } => {
            let which = match place {
                1 => "last touchpoint".to_owned(),
                2 => "last touchpoint but one".to_owned(),
                place => format!("touchpoint number {place} counting back"),
            };
            value.label_or(&fewer_touchpoints(*place), &format!("{which}: {RARE}"), |touchpoint| {
                format!("{which}: {touchpoint}")
            })
        }
        Told::GapBack { place } => {
            let next = place + 1;
            let which = match place {
                1 => "the last two touchpoints".to_owned(),
                place => format!("touchpoints {place} and {next} counting back"),
            };
            value.number_or(&fewer_touchpoints(next), |days| {
                format!("time between {which}: {}", self::days(days))
            })
        }
        Told::ChannelShare { channel } => value.number_or("no event on any channel yet", |share| {
            format!(
                "share of recent events on the channel {channel}: {}%",
                percentage(share)
            )
        }),
        Told::ChannelPreferred => value.label_or(
            "no event on any channel yet",
            &format!("channel used most lately: {RARE}"),
            |channel| format!("channel used most lately: {channel}"),
        ),
        Told::ScoreLast => value.number_or("no score given yet", |score| {
            format!("the last answer gave a score of {}", number(score))
        }),
        Told::ScoreMean => value.number_or("no score given yet", |mean| {
            format!("average score given: {}", number(mean))
        }),
        Told::ScoreLeast => value.number_or("no score given yet", |least| {
            format!("lowest score given: {}", number(least))
        }),
        Told::ScoreLastLessMean => value.number_or("no score given yet", |less| {
            let by = number(less.abs());
            if less == 0.0 {
                "the last score equals their average".to_owned()
            } else if less > 0.0 {
                format!("the last score is {by} above their average")
            } else {
                format!("the last score is {by} below their average")
            }
        }),
        Told::Unanswered => {
            let contact = Noun::new("contact from us", "contacts from us");
            count(&contact, value, "still without a response")
        }
        Told::ResponseLast => value.number_or("no response to an offer yet", |taken| match taken {
            0.0 => "last response: offer declined".to_owned(),
            _ => "last response: offer accepted".to_owned(),
        }),
        Told::ActionLast => value.label_or("no action of ours yet", &format!("our last action: {RARE}"), |action| {
            format!("our last action: {action}")
        }),
        Told::HourOfDay => "the hour of the day".to_owned(),
        Told::DayOfWeek => "the day of the week".to_owned(),
        Told::TimeOfYear => "the time of year".to_owned(),
        Told::Attribute { name, unit } => value.number_or(&format!("{name}: not known"), |number| {
            format!("{name}: {}", amount(number, unit, MARK))
        }),
        Told::AttributeFlag { name } => value.number_or(&format!("{name}: not known"), |flag| match flag {
            0.0 => format!("{name}: no"),
            _ => format!("{name}: yes"),
        }),
        Told::AttributeCategory { name } => {
            value.label_or(&format!("{name}: not known"), &format!("{name}: {RARE}"), |label| {
                format!("{name}: {label}")
            })
        }
        Told::AttributeDays { name } => value.number_or(&format!("{name}: not known"), |days| {
            if days < 0.0 {
                return format!("{name}: {}", ago(-days));
            }
            format!("{name}: in {}", self::days(days))
        }),
        Told::AttributeMean { name, unit } => value.number_or(&format!("average {name} so far: not known"), |mean| {
            format!("average {name} so far: {}", amount(mean, unit, MARK))
        }),
        Told::AttributeSpread { name, unit } => {
            let missing = format!("fewer than two events with a value of {name}");
            value.number_or(&missing, |spread| match spread {
                0.0 => format!("the values of {name} are always the same"),
                spread => format!("the values of {name} vary by {}", amount(spread, unit, MARK)),
            })
        }
        Told::AttributeBack { name, place } => {
            let then = match place {
                1 => format!("{name} at the last event"),
                2 => format!("{name} at the last event but one"),
                place => format!("{name} at event number {place} counting back"),
            };
            value.label_or(&format!("{then}: not known"), &format!("{then}: {RARE}"), |label| {
                format!("{then}: {label}")
            })
        }
        Told::AttributeChanged { name } => {
            let change = format!("change of {name} at the last event");
            value.number_or(&format!("{change}: not known"), |changed| match changed {
                0.0 => format!("{change}: no"),
                _ => format!("{change}: yes"),
            })
        }
    }
}

const MARK: &str = ".";

/// A category too rare to be remembered.
const RARE: &str = "something rare";

struct Noun {
    one: String,
    many: String,
}

impl Noun {
    fn new(one: impl Into<String>, many: impl Into<String>) -> Self {
        Self {
            one: one.into(),
            many: many.into(),
        }
    }
}

fn noun(things: &Things) -> Noun {
    match things {
        Things::Events => Noun::new("event", "events"),
        Things::OfStage(stage) => Noun::new(
            format!("event in the stage {stage}"),
            format!("events in the stage {stage}"),
        ),
        Things::OfTouchpoint(touchpoint) => Noun::new(format!("{touchpoint} event"), format!("{touchpoint} events")),
        Things::OfTouchpoints(touchpoints) => {
            let any = any_of(touchpoints);
            Noun::new(format!("{any} event"), format!("{any} events"))
        }
        Things::OnChannel(channel) => Noun::new(
            format!("event on the channel {channel}"),
            format!("events on the channel {channel}"),
        ),
        Things::Contacts => Noun::new("contact from us", "contacts from us"),
        Things::Accepted => Noun::new("accepted offer", "accepted offers"),
        Things::Rejected => Noun::new("declined offer", "declined offers"),
        Things::Answers => Noun::new("answer from the customer", "answers from the customer"),
        Things::Scores => Noun::new("score given", "scores given"),
        Things::Texts => Noun::new("written answer", "written answers"),
        Things::Moves => Noun::new("move from stage to stage", "moves from stage to stage"),
        Things::MovesBack => Noun::new("move back to an earlier stage", "moves back to an earlier stage"),
        Things::MovesSkipping => Noun::new("jump over one or more stages", "jumps over one or more stages"),
        Things::MovesAgain => Noun::new("return to a visited stage", "returns to a visited stage"),
        Things::MovesOffMap => Noun::new("move outside the planned journey", "moves outside the planned journey"),
        Things::Stages => Noun::new("stage visited", "stages visited"),
        Things::Touchpoints => Noun::new("kind of touchpoint", "kinds of touchpoint"),
    }
}

fn any_of(names: &[String]) -> String {
    match names {
        [] => "no".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn count(noun: &Noun, value: Value<'_>, when: &str) -> String {
    let Noun { one, many } = noun;
    value.number_or(&format!("number of {many} {when} not known"), |n| match n {
        0.0 => format!("no {one} {when}"),
        1.0 => format!("1 {one} {when}"),
        n => format!("{} {many} {when}", number(n)),
    })
}

fn lately(noun: &Noun, value: Value<'_>, half_life_days: u32) -> String {
    let Noun { one, many } = noun;
    let weight = weight(half_life_days);
    value.number_or(&format!("number of {many} lately not known"), |n| {
        if n == 0.0 {
            format!("no {one} lately")
        } else if n < 0.5 {
            format!("few or no {many} lately ({}, {weight})", number(n))
        } else if n == 1.0 {
            format!("lately about 1 {one} ({weight})")
        } else {
            format!("lately about {} {many} ({weight})", number(n))
        }
    })
}

/// What a half-life does, without the word.
fn weight(half_life_days: u32) -> String {
    match half_life_days {
        1 => "the last day counts most".to_owned(),
        days => format!("the last {days} days count most"),
    }
}

/// Words with what a rhythm's gaps lie between; a missing one has too few of them.
fn in_rhythm(things: &Things, gap: Gap, value: Value<'_>, words: impl FnOnce(f64, &str) -> String) -> String {
    let Noun { many, .. } = noun(things);
    let many = match gap {
        Gap::BetweenEvents => many,
        // Not "visits": a touchpoint often has that name.
        Gap::BetweenVisits => format!("occasions with {many}"),
    };
    let missing = format!("too few {many} to know their rhythm");
    value.number_or(&missing, |number| words(number, &many))
}

fn silence_over_gap(times: f64, many: &str) -> String {
    let told = number(times);
    if times < 1.0 {
        format!("silent for less than the usual time between {many} plus a day")
    } else if times == 1.0 {
        format!("silent for the usual time between {many} plus a day")
    } else {
        format!("silent for {told} times the usual time between {many} plus a day")
    }
}

fn silence_against_rhythm(deviations: f64, many: &str) -> String {
    if deviations < -1.0 {
        format!("silent for less time than usual, measured by their own rhythm of {many}")
    } else if deviations <= 1.0 {
        format!("silent for about as long as usual, measured by their own rhythm of {many}")
    } else {
        let told = number(deviations);
        format!("silent for unusually long, measured by their own rhythm of {many} ({told} times the usual spread)")
    }
}

fn spans(noun: &Noun, value: Value<'_>, last: &str) -> String {
    let Noun { one, many } = noun;
    value.number_or(&format!("number of {many} in {last} not known"), |n| match n {
        0.0 => format!("no {one} in {last}"),
        n => format!("{many} in {} of {last}", number(n)),
    })
}

fn fewer_touchpoints(than: usize) -> String {
    match than {
        1 => "no touchpoint yet".to_owned(),
        than => format!("fewer than {than} touchpoints so far"),
    }
}

fn number(number: f64) -> String {
    figure(number, MARK)
}

fn days(days: f64) -> String {
    if days < 1.0 {
        "less than a day".to_owned()
    } else if days == 1.0 {
        "1 day".to_owned()
    } else {
        format!("{} days", number(days))
    }
}

fn ago(days: f64) -> String {
    format!("{} ago", self::days(days))
}
