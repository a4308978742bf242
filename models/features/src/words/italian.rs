//! Features in Italian. Names stand between « », so that nothing has to agree with them.

use super::{Noun, Value, amount, figure, nth, percentage};
use crate::told::{Gap, Quarter, Things, Told};

pub(super) fn sentence(told: &Told, value: Value<'_>) -> String {
    match told {
        Told::Count(things) => count(&noun(things), value, "finora"),
        Told::Lately { things, half_life_days } => lately(&noun(things), value, *half_life_days),
        Told::Since(Things::Events) => {
            value.number_or("non ancora visto", |days| format!("visto l'ultima volta {}", ago(days)))
        }
        Told::Since(things) => {
            let noun = noun(things);
            let (no, last) = (noun.agreeing("nessun", "nessuna"), noun.agreeing("ultimo", "ultima"));
            value.number_or(&format!("ancora {no} {}", noun.one), |days| {
                format!("{last} {} {}", noun.one, ago(days))
            })
        }
        Told::FirstSeen => value.number_or("non ancora visto", |days| format!("visto la prima volta {}", ago(days))),
        Told::SilentShare => value.number_or(
            "visto da troppo poco per sapere quanto è rimasto in silenzio",
            |share| {
                format!(
                    "tempo in silenzio da quando è stato visto la prima volta: {}%",
                    percentage(share)
                )
            },
        ),
        Told::UsualGap { things, gap } => in_rhythm(things, *gap, value, |days, noun| {
            format!("tempo medio tra {}: {}", noun.many, self::days(days))
        }),
        Told::GapSpread { things, gap } => in_rhythm(things, *gap, value, |days, noun| {
            format!("gli intervalli tra {} variano di {}", noun.many, self::days(days))
        }),
        Told::LastGap { things, gap } => in_rhythm(things, *gap, value, |days, noun| {
            let last_two = noun.agreeing("gli ultimi due", "le ultime due");
            format!("tempo tra {last_two} {}: {}", noun.many, self::days(days))
        }),
        Told::SilenceOverGap { things, gap } => in_rhythm(things, *gap, value, silence_over_gap),
        Told::SilenceAgainstRhythm { things, gap } => in_rhythm(things, *gap, value, silence_against_rhythm),
        Told::InLastWeeks { things, n_weeks } => {
            count(&noun(things), value, &format!("nelle ultime {n_weeks} settimane"))
        }
        Told::WeeksWith { things, n_weeks } => {
            let last = format!("ultime {n_weeks} settimane");
            spans(&noun(things), value, &format!("nelle {last}"), &format!("delle {last}"))
        }
        Told::MonthsWith { things, n_months } => {
            let last = format!("ultimi {n_months} periodi di quattro settimane");
            spans(&noun(things), value, &format!("negli {last}"), &format!("degli {last}"))
        }
        Told::LastYear { things, quarter } => {
            let side = match quarter {
                Quarter::Before => "precedenti",
                Quarter::After => "successive",
            };
            let when = format!("nelle 13 settimane {side} a questo giorno dell'anno scorso");
            count(&noun(things), value, &when)
        }
        Told::PaidSum => value.number_or("importo pagato non noto", |sum| match sum {
            0.0 => "nessun importo pagato finora".to_owned(),
            sum => format!("totale pagato finora: {}", number(sum)),
        }),
        Told::RefundedSum => value.number_or("importo rimborsato non noto", |sum| match sum {
            0.0 => "nessun importo rimborsato finora".to_owned(),
            sum => format!("totale rimborsato finora: {}", number(sum)),
        }),
        Told::PaymentMean => value.number_or(NO_PAYMENT, |mean| format!("pagamento medio: {}", number(mean))),
        Told::PaymentSpread => value.number_or("meno di due pagamenti finora", |spread| match spread {
            0.0 => "i pagamenti sono sempre uguali".to_owned(),
            spread => format!("i pagamenti variano di {}", number(spread)),
        }),
        Told::PaymentGreatest => value.number_or(NO_PAYMENT, |paid| format!("pagamento più alto: {}", number(paid))),
        Told::PaymentLast => value.number_or(NO_PAYMENT, |paid| format!("ultimo pagamento: {}", number(paid))),
        Told::PaidLately { half_life_days } => value.number_or("importo pagato di recente non noto", |sum| {
            let weight = weight(*half_life_days);
            format!("pagato di recente, al netto dei rimborsi: {} ({weight})", number(sum))
        }),
        Told::StageNow => value.label_or("non ancora in una fase", "ora in una fase rara", |stage| {
            format!("ora nella fase «{stage}»")
        }),
        Told::StageFurthest { stages } => value.number_or("fase più avanzata raggiunta: non nota", |position| {
            match nth(stages, position) {
                // Position 0 is also that of a customer who was in no designed stage at all.
                Some(first) if position == 0.0 => format!("finora non oltre la fase «{first}»"),
                Some(stage) => format!("fase più avanzata raggiunta: «{stage}»"),
                None => format!("fase più avanzata raggiunta: numero {}", number(position + 1.0)),
            }
        }),
        Told::StageStay => value.number_or("non ancora in una fase", |days| {
            format!("nella fase attuale da {}", self::days(days))
        }),
        Told::StayOverDesigned => value.number_or("nessun tempo previsto per la fase attuale", |times| {
            let told = number(times);
            if times < 1.0 {
                format!(
                    "nella fase attuale entro il tempo previsto ({}% di quel tempo)",
                    percentage(times)
                )
            } else if times == 1.0 {
                "nella fase attuale per il tempo previsto".to_owned()
            } else {
                format!("nella fase attuale da {told} volte il tempo previsto")
            }
        }),
        Told::TouchpointRun => value.number_or("ripetizione dell'ultimo punto di contatto non nota", |run| match run {
            0.0 => NO_TOUCHPOINT.to_owned(),
            1.0 => "l'ultimo punto di contatto non era una ripetizione".to_owned(),
            run => format!("ultimo punto di contatto avvenuto {} volte di fila", number(run)),
        }),
        Told::TouchpointBack { place } => {
            let which = match place {
                1 => "ultimo punto di contatto".to_owned(),
                2 => "penultimo punto di contatto".to_owned(),
                place => format!("punto di contatto numero {place} contando dall'ultimo"),
            };
            value.label_or(&fewer_touchpoints(*place), &format!("{which}: {RARE}"), |touchpoint| {
                format!("{which}: «{touchpoint}»")
            })
        }
        Told::GapBack { place } => {
            let next = place + 1;
            let which = match place {
                1 => "gli ultimi due punti di contatto".to_owned(),
                place => format!("i punti di contatto {place} e {next} contando dall'ultimo"),
            };
            value.number_or(&fewer_touchpoints(next), |days| {
                format!("tempo tra {which}: {}", self::days(days))
            })
        }
        Told::ChannelShare { channel } => value.number_or(NO_CHANNEL, |share| {
            format!("quota di eventi recenti sul canale «{channel}»: {}%", percentage(share))
        }),
        Told::ChannelPreferred => {
            let which = "canale più usato di recente";
            value.label_or(NO_CHANNEL, &format!("{which}: {RARE}"), |channel| {
                format!("{which}: «{channel}»")
            })
        }
        Told::ScoreLast => value.number_or(NO_SCORE, |score| {
            format!("l'ultima risposta ha dato un punteggio di {}", number(score))
        }),
        Told::ScoreMean => value.number_or(NO_SCORE, |mean| format!("punteggio medio dato: {}", number(mean))),
        Told::ScoreLeast => value.number_or(NO_SCORE, |least| format!("punteggio più basso dato: {}", number(least))),
        Told::ScoreLastLessMean => value.number_or(NO_SCORE, |less| {
            let by = number(less.abs());
            if less == 0.0 {
                "l'ultimo punteggio è pari alla media del cliente".to_owned()
            } else if less > 0.0 {
                format!("l'ultimo punteggio supera di {by} la media del cliente")
            } else {
                format!("l'ultimo punteggio è inferiore di {by} alla media del cliente")
            }
        }),
        Told::Unanswered => count(&noun(&Things::Contacts), value, "ancora senza risposta"),
        Told::ResponseLast => value.number_or("ancora nessuna risposta a un'offerta", |taken| match taken {
            0.0 => "ultima risposta: offerta rifiutata".to_owned(),
            _ => "ultima risposta: offerta accettata".to_owned(),
        }),
        Told::ActionLast => {
            let which = "la nostra ultima azione";
            value.label_or("ancora nessuna nostra azione", &format!("{which}: {RARE}"), |action| {
                format!("{which}: «{action}»")
            })
        }
        Told::HourOfDay => "l'ora del giorno".to_owned(),
        Told::DayOfWeek => "il giorno della settimana".to_owned(),
        Told::TimeOfYear => "il periodo dell'anno".to_owned(),
        Told::Attribute { name, unit } => value.number_or(&unknown(name), |number| {
            format!("«{name}»: {}", amount(number, unit, MARK))
        }),
        Told::AttributeFlag { name } => value.number_or(&unknown(name), |flag| match flag {
            0.0 => format!("«{name}»: no"),
            _ => format!("«{name}»: sì"),
        }),
        Told::AttributeCategory { name } => value.label_or(&unknown(name), &format!("«{name}»: {RARE}"), |label| {
            format!("«{name}»: «{label}»")
        }),
        Told::AttributeDays { name } => value.number_or(&unknown(name), |days| {
            if days < 0.0 {
                return format!("«{name}»: {}", ago(-days));
            }
            format!("«{name}»: tra {}", self::days(days))
        }),
        Told::AttributeMean { name, unit } => {
            let mean_of = format!("media di «{name}» finora");
            value.number_or(&format!("{mean_of}: non nota"), |mean| {
                format!("{mean_of}: {}", amount(mean, unit, MARK))
            })
        }
        Told::AttributeSpread { name, unit } => {
            let missing = format!("meno di due eventi con un valore di «{name}»");
            value.number_or(&missing, |spread| match spread {
                0.0 => format!("i valori di «{name}» sono sempre uguali"),
                spread => format!("i valori di «{name}» variano di {}", amount(spread, unit, MARK)),
            })
        }
        Told::AttributeBack { name, place } => {
            let then = match place {
                1 => format!("«{name}» all'ultimo evento"),
                2 => format!("«{name}» al penultimo evento"),
                place => format!("«{name}» all'evento numero {place} contando dall'ultimo"),
            };
            value.label_or(&format!("{then}: {UNKNOWN}"), &format!("{then}: {RARE}"), |label| {
                format!("{then}: «{label}»")
            })
        }
        Told::AttributeChanged { name } => {
            let change = format!("cambio di «{name}» all'ultimo evento");
            value.number_or(&format!("{change}: {UNKNOWN}"), |changed| match changed {
                0.0 => format!("{change}: no"),
                _ => format!("{change}: sì"),
            })
        }
    }
}

const MARK: &str = ",";
const NO_PAYMENT: &str = "ancora nessun pagamento";
const NO_TOUCHPOINT: &str = "ancora nessun punto di contatto";
const NO_CHANNEL: &str = "ancora nessun evento su un canale";
const NO_SCORE: &str = "ancora nessun punteggio dato";
const UNKNOWN: &str = "dato non noto";

/// A category too rare to be remembered.
const RARE: &str = "qualcosa di raro";

fn noun(things: &Things) -> Noun {
    match things {
        Things::Events => Noun::masculine("evento", "eventi"),
        Things::OfStage(stage) => Noun::masculine(
            format!("evento nella fase «{stage}»"),
            format!("eventi nella fase «{stage}»"),
        ),
        Things::OfTouchpoint(touchpoint) => {
            Noun::masculine(format!("evento «{touchpoint}»"), format!("eventi «{touchpoint}»"))
        }
        Things::OfTouchpoints(touchpoints) => {
            let any = any_of(touchpoints);
            Noun::masculine(format!("evento {any}"), format!("eventi {any}"))
        }
        Things::OnChannel(channel) => Noun::masculine(
            format!("evento sul canale «{channel}»"),
            format!("eventi sul canale «{channel}»"),
        ),
        Things::Contacts => Noun::masculine("contatto da parte nostra", "contatti da parte nostra"),
        Things::Accepted => Noun::feminine("offerta accettata", "offerte accettate"),
        Things::Rejected => Noun::feminine("offerta rifiutata", "offerte rifiutate"),
        Things::Answers => Noun::feminine("risposta del cliente", "risposte del cliente"),
        Things::Scores => Noun::masculine("punteggio dato", "punteggi dati"),
        Things::Texts => Noun::feminine("risposta scritta", "risposte scritte"),
        Things::Moves => Noun::masculine("passaggio da una fase all'altra", "passaggi da una fase all'altra"),
        Things::MovesBack => Noun::masculine("ritorno a una fase precedente", "ritorni a una fase precedente"),
        Things::MovesSkipping => Noun::masculine("salto di una o più fasi", "salti di una o più fasi"),
        Things::MovesAgain => Noun::masculine("ritorno in una fase già visitata", "ritorni in una fase già visitata"),
        Things::MovesOffMap => Noun::masculine(
            "passaggio fuori dal percorso previsto",
            "passaggi fuori dal percorso previsto",
        ),
        Things::Stages => Noun::feminine("fase visitata", "fasi visitate"),
        Things::Touchpoints => Noun::masculine("tipo di punto di contatto", "tipi di punto di contatto"),
    }
}

fn any_of(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("«{name}»")).collect();
    match quoted.as_slice() {
        [] => "di nessun tipo".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} o {last}", first.join(", ")),
    }
}

fn count(noun: &Noun, value: Value<'_>, when: &str) -> String {
    let Noun { one, many, .. } = noun;
    let no = noun.agreeing("nessun", "nessuna");
    value.number_or(&format!("numero di {many} {when} non noto"), |n| match n {
        0.0 => format!("{no} {one} {when}"),
        1.0 => format!("1 {one} {when}"),
        n => format!("{} {many} {when}", number(n)),
    })
}

fn lately(noun: &Noun, value: Value<'_>, half_life_days: u32) -> String {
    let Noun { one, many, .. } = noun;
    let weight = weight(half_life_days);
    value.number_or(&format!("numero di {many} di recente non noto"), |n| {
        if n == 0.0 {
            format!("{} {one} di recente", noun.agreeing("nessun", "nessuna"))
        } else if n < 0.5 {
            let few_or_no = noun.agreeing("pochi o nessun", "poche o nessuna");
            format!("{few_or_no} {one} di recente ({}; {weight})", number(n))
        } else if n == 1.0 {
            format!("di recente circa 1 {one} ({weight})")
        } else {
            format!("di recente circa {} {many} ({weight})", number(n))
        }
    })
}

/// What a half-life does, without the word.
fn weight(half_life_days: u32) -> String {
    match half_life_days {
        1 => "l'ultimo giorno conta di più".to_owned(),
        days => format!("gli ultimi {days} giorni contano di più"),
    }
}

/// Words with what a rhythm's gaps lie between; a missing one has too few of them.
fn in_rhythm(things: &Things, gap: Gap, value: Value<'_>, words: impl FnOnce(f64, &Noun) -> String) -> String {
    let noun = match gap {
        Gap::BetweenEvents => noun(things),
        // Not "visite": a touchpoint often has that name.
        Gap::BetweenVisits => {
            let Noun { many, .. } = noun(things);
            Noun::feminine(format!("occasione con {many}"), format!("occasioni con {many}"))
        }
    };
    let too_few = noun.agreeing("troppo pochi", "troppo poche");
    let missing = format!("{too_few} {} per conoscerne il ritmo", noun.many);
    value.number_or(&missing, |number| words(number, &noun))
}

fn silence_over_gap(times: f64, noun: &Noun) -> String {
    let (told, many) = (number(times), &noun.many);
    if times < 1.0 {
        format!("in silenzio da meno del tempo abituale tra {many} più un giorno")
    } else if times == 1.0 {
        format!("in silenzio per il tempo abituale tra {many} più un giorno")
    } else {
        format!("in silenzio da {told} volte il tempo abituale tra {many} più un giorno")
    }
}

fn silence_against_rhythm(deviations: f64, noun: &Noun) -> String {
    let many = &noun.many;
    if deviations < -1.0 {
        format!("in silenzio da meno tempo del solito, rispetto al proprio ritmo di {many}")
    } else if deviations <= 1.0 {
        format!("in silenzio da circa il tempo abituale, rispetto al proprio ritmo di {many}")
    } else {
        let told = number(deviations);
        format!(
            "in silenzio da molto più tempo del solito, rispetto al proprio ritmo di {many} ({told} volte la variazione abituale)"
        )
    }
}

fn spans(noun: &Noun, value: Value<'_>, in_last: &str, of_last: &str) -> String {
    let Noun { one, many, .. } = noun;
    let no = noun.agreeing("nessun", "nessuna");
    value.number_or(&format!("numero di {many} {in_last} non noto"), |n| match n {
        0.0 => format!("{no} {one} {in_last}"),
        n => format!("{many} in {} {of_last}", number(n)),
    })
}

fn fewer_touchpoints(than: usize) -> String {
    match than {
        1 => NO_TOUCHPOINT.to_owned(),
        than => format!("meno di {than} punti di contatto finora"),
    }
}

fn unknown(name: &str) -> String {
    format!("«{name}»: {UNKNOWN}")
}

fn number(number: f64) -> String {
    figure(number, MARK)
}

fn days(days: f64) -> String {
    if days < 1.0 {
        "meno di un giorno".to_owned()
    } else if days == 1.0 {
        "1 giorno".to_owned()
    } else {
        format!("{} giorni", number(days))
    }
}

fn ago(days: f64) -> String {
    format!("{} fa", self::days(days))
}
