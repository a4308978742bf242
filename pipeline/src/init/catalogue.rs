//! A starter catalogue of actions for the stages of a journey: beliefs to begin with, each to be replaced by evidence.

use std::fmt::Write;

/// Channels that the starter actions need.
pub(super) const CHANNELS: [&str; 3] = ["mail", "phone", "web"];
/// The flag that says whether a customer may be contacted, where the data have none.
const CONSENT: &str = "may_be_contacted";
/// Of feedback told from 0 to 10.
const SATISFIED: f64 = 8.0;

/// What the catalogue is fitted to.
pub(super) struct Business<'a> {
    /// Stages in designed order, without the leaving one.
    pub(super) stages: &'a [String],
    /// The flag that says who may be contacted, when the data have one that is read.
    pub(super) consent: Option<&'a str>,
    /// The highest score that a customer can give, when customers do.
    pub(super) best_score: Option<f64>,
    /// What came in from customers counts as money.
    pub(super) has_value: bool,
    /// Days in which what comes counts as what came of a decision.
    pub(super) window_days: u32,
}

struct Offer {
    name: &'static str,
    /// Key of its text: the offer, its tone, its depth.
    text: &'static str,
    channel: &'static str,
    cost: f64,
    benefit: f64,
    gain: f64,
    /// Positions among the five usual stages.
    stages: &'static [usize],
    cool_down_days: u32,
    daily_capacity: Option<u32>,
    explore: bool,
    rules: &'static [&'static str],
    why: &'static str,
}

const NOT_SATISFIED_IS_NOT_ASKED: &str = "only of satisfied customers";
const DEPTH: &str = "depth only for who knows us";
const SILENT: &str = "only to who has gone silent";

const OFFERS: [Offer; 11] = [
    Offer {
        name: "guide_mail",
        text: "guide.friendly.short",
        channel: "mail",
        cost: 0.05,
        benefit: 0.0,
        gain: 0.2,
        stages: &[0],
        cool_down_days: 14,
        daily_capacity: None,
        explore: true,
        rules: &[],
        why: "who is only getting to know us is taught, never sold to: awareness has nothing else",
    },
    Offer {
        name: "guide_web",
        text: "guide.friendly.short",
        channel: "web",
        cost: 0.0,
        benefit: 0.0,
        gain: 0.1,
        stages: &[0],
        cool_down_days: 1,
        daily_capacity: None,
        explore: true,
        rules: &[],
        why: "the same guide on our own page; who is there came by themselves, so nothing has to be consented to",
    },
    Offer {
        name: "comparison_mail",
        text: "comparison.factual.detailed",
        channel: "mail",
        cost: 0.05,
        benefit: 0.0,
        gain: 0.5,
        stages: &[1],
        cool_down_days: 14,
        daily_capacity: None,
        explore: true,
        rules: &[DEPTH],
        why: "helps to choose; long texts only to who has been here a few times",
    },
    Offer {
        name: "advice_call",
        text: "advice.personal.detailed",
        channel: "phone",
        cost: 6.0,
        benefit: 0.0,
        gain: 8.0,
        stages: &[1],
        cool_down_days: 30,
        daily_capacity: Some(40),
        explore: false,
        rules: &[DEPTH],
        why: "a call costs somebody's time, so only so many a day, and none by chance",
    },
    Offer {
        name: "first_purchase_mail",
        text: "first_purchase.inviting.short",
        channel: "mail",
        cost: 0.05,
        benefit: 5.0,
        gain: 3.0,
        stages: &[1, 2],
        cool_down_days: 30,
        daily_capacity: None,
        explore: true,
        rules: &[],
        why: "a small discount; what it gives away is its benefit",
    },
    Offer {
        name: "how_to_mail",
        text: "how_to.helpful.detailed",
        channel: "mail",
        cost: 0.05,
        benefit: 0.0,
        gain: 0.4,
        stages: &[2, 3],
        cool_down_days: 21,
        daily_capacity: None,
        explore: true,
        rules: &[],
        why: "how to get the most of what was bought",
    },
    Offer {
        name: "stay_mail",
        text: "stay.warm.short",
        channel: "mail",
        cost: 0.05,
        benefit: 10.0,
        gain: 4.0,
        stages: &[2, 3],
        cool_down_days: 60,
        daily_capacity: None,
        explore: true,
        rules: &[SILENT],
        why: "a reason to stay for who has gone silent, not a discount for who buys anyway",
    },
    Offer {
        name: "care_call",
        text: "care.warm.personal",
        channel: "phone",
        cost: 6.0,
        benefit: 0.0,
        gain: 9.0,
        stages: &[3],
        cool_down_days: 90,
        daily_capacity: Some(40),
        explore: false,
        rules: &[SILENT],
        why: "asks what is wrong; sells nothing",
    },
    Offer {
        name: "review_mail",
        text: "review.grateful.short",
        channel: "mail",
        cost: 0.05,
        benefit: 0.0,
        gain: 0.3,
        stages: &[3, 4],
        cool_down_days: 90,
        daily_capacity: None,
        explore: true,
        rules: &[NOT_SATISFIED_IS_NOT_ASKED],
        why: "asks for a few public words, of satisfied customers only",
    },
    Offer {
        name: "reference_call",
        text: "reference.grateful.personal",
        channel: "phone",
        cost: 6.0,
        benefit: 0.0,
        gain: 7.0,
        stages: &[4],
        cool_down_days: 180,
        daily_capacity: Some(10),
        explore: false,
        rules: &[NOT_SATISFIED_IS_NOT_ASKED],
        why: "asks to be a reference, of satisfied customers only",
    },
    Offer {
        name: "bring_a_friend_web",
        text: "bring_a_friend.light.short",
        channel: "web",
        cost: 0.0,
        benefit: 5.0,
        gain: 0.5,
        stages: &[4],
        cool_down_days: 30,
        daily_capacity: None,
        explore: true,
        rules: &[NOT_SATISFIED_IS_NOT_ASKED],
        why: "a gift for both; shown on our own page",
    },
];

/// The catalogue as the end of a `journey.toml`: in force when the data say who may be contacted, else commented out.
///
/// With one `#` taken off the beginning of each of its lines, a commented block is in force; what explains has two.
pub(super) fn catalogue(business: &Business<'_>) -> String {
    let block = block(business);
    if business.consent.is_some() {
        return block;
    }
    let commented = |line: &str| {
        if line.is_empty() {
            "\n".to_owned()
        } else {
            format!("#{line}\n")
        }
    };
    block.lines().map(commented).collect()
}

fn block(business: &Business<'_>) -> String {
    let mut text = String::new();
    let consent = business.consent.unwrap_or(CONSENT);
    text += HEAD;
    if business.consent.is_none() {
        let _ = write!(text, "{}", HEAD_WITHOUT_CONSENT.replace("CONSENT", consent));
    }
    let worth = if business.has_value { "1.0 " } else { "0.0 " };
    let head = DECISIONS.replace("WINDOW", &business.window_days.to_string());
    text += &head.replace("SPEND", worth);
    let best = business
        .best_score
        .map_or(SATISFIED, |best| (best * SATISFIED / 10.0 * 10.0).round() / 10.0);
    for offer in &OFFERS {
        text.push('\n');
        text += &action(offer, business, consent, best);
    }
    text
}

const HEAD: &str = r#"# A starter catalogue of actions. Every number in it is a belief declared by nobody who knows this business:
# put your own costs and gains, send what you have, and let logged decisions replace the gains
# (`[decisions] logs`, or `percorso decisions export` of what the service decided).
# A rule asks only what is known of a customer; what cannot be told does not hold, and the action is not done.
"#;

const HEAD_WITHOUT_CONSENT: &str = r#"# It is commented out, because no column of the data says who agreed to be contacted: without one, only what is shown
# on your own pages may be done. To put it in force, take the first # off each line from here on,
# and name that column (true or false) under [source.columns]: CONSENT = "..."

[[attribute]]
name = "CONSENT"
kind = "flag"
personal = true
"#;

const DECISIONS: &str = r#"
[decisions]
window_days = WINDOW                # what comes within so many days counts as what came of a decision
contacts = { times = 3, days = 30 }     # the most of a customer, over all actions and channels
exploration = 0.05              # the share of decisions that try by chance what may be tried (`explore = true`)
holdout = 0.05                  # the share of customers to whom nothing is ever done, to compare with
customer_benefit = 0.0          # how much of what an action gives to the customer counts beside what it brings in
fallback = "nothing"            # for customers of whom nothing can be told

[decisions.reward]              # in money; a belief
spend = SPEND                     # of each unit that events are worth; the margin, when you know it
leaving = -50.0                 # of a customer who leaves
accepted = 0.0                  # of an offer taken
stage_forward = 1.0             # of each stage further
"#;

fn action(offer: &Offer, business: &Business<'_>, consent: &str, best_score: f64) -> String {
    let mut text = format!("# {}\n[[action]]\nname = \"{}\"\n", sentence(offer.why), offer.name);
    let mut line = |key_and_value: String, why: &str| {
        let _ = if why.is_empty() {
            writeln!(text, "{key_and_value}")
        } else {
            writeln!(text, "{key_and_value:<31} # {why}")
        };
    };
    line(
        format!("text = \"{}\"", offer.text),
        "key of its text: offer, tone, depth",
    );
    line(format!("channel = \"{}\"", offer.channel), "");
    line(format!("cost = {:?}", offer.cost), "a belief, in money");
    if offer.benefit > 0.0 {
        line(
            format!("benefit = {:?}", offer.benefit),
            "a belief: what it gives to the customer",
        );
    }
    line(
        format!("prior = {{ gain = {:?} }}", offer.gain),
        "a belief: what it brings in beyond doing nothing",
    );
    line(
        format!("stages = [{}]", stages_of(offer.stages, business.stages).join(", ")),
        "",
    );
    if offer.channel != "web" {
        line(format!("consent = \"{consent}\""), "");
        line(
            "quiet_hours = [\"20:00\", \"09:00\"]".to_owned(),
            "in the business's time zone",
        );
    }
    if offer.channel == "phone" {
        line("quiet_days = [\"saturday\", \"sunday\"]".to_owned(), "");
    }
    line(format!("cool_down_days = {}", offer.cool_down_days), "");
    if let Some(capacity) = offer.daily_capacity {
        line(format!("daily_capacity = {capacity}"), "over all customers");
    }
    line(format!("explore = {}", offer.explore), "");
    if !offer.rules.is_empty() {
        let rules: Vec<String> = offer
            .rules
            .iter()
            .map(|name| {
                format!(
                    "    {{ name = \"{name}\", when = \"{}\" }},",
                    when(name, business, best_score)
                )
            })
            .collect();
        line(format!("rules = [\n{}\n]", rules.join("\n")), "");
    }
    text
}

/// What a rule asks.
fn when(name: &str, business: &Business<'_>, best_score: f64) -> String {
    match name {
        NOT_SATISFIED_IS_NOT_ASKED => format!("feedback_last >= {best_score:?}"),
        DEPTH => "n_events >= 3.0".to_owned(),
        _ => format!("days_since_last_event > {:?}", f64::from(business.window_days) / 2.0),
    }
}

/// The stages of this business that the usual ones are, the first as the first and the last as the last.
fn stages_of(usual: &[usize], stages: &[String]) -> Vec<String> {
    let is_usual = stages.len() == 5;
    let mut there: Vec<&String> = Vec::new();
    for &at in usual {
        let at = if is_usual { at } else { at * stages.len() / 5 };
        let stage = &stages[at.min(stages.len() - 1)];
        if !there.contains(&stage) {
            there.push(stage);
        }
    }
    there.into_iter().map(|stage| super::write::quoted(stage)).collect()
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}
