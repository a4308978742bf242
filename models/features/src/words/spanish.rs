//! Features in Spanish. Names stand between « », so that nothing has to agree with them.

use super::{Noun, Value, amount, figure, nth, percentage};
use crate::told::{Gap, Quarter, Things, Told};

pub(super) fn sentence(told: &Told, value: Value<'_>) -> String {
    match told {
        Told::Count(things) => count(&noun(things), value, "hasta ahora"),
        Told::Lately { things, half_life_days } => lately(&noun(things), value, *half_life_days),
        Told::Since(Things::Events) => {
            value.number_or("aún no visto", |days| format!("visto por última vez {}", ago(days)))
        }
        Told::Since(things) => {
            let noun = noun(things);
            let (no, last) = (noun.agreeing("ningún", "ninguna"), noun.agreeing("último", "última"));
            value.number_or(&format!("todavía {no} {}", noun.one), |days| {
                format!("{last} {} {}", noun.one, ago(days))
            })
        }
        Told::FirstSeen => value.number_or("aún no visto", |days| format!("visto por primera vez {}", ago(days))),
        Told::SilentShare => value.number_or(
            "visto desde hace demasiado poco para saber cuánto ha estado en silencio",
            |share| {
                format!(
                    "tiempo en silencio desde que se le vio por primera vez: {} %",
                    percentage(share)
                )
            },
        ),
        Told::UsualGap { things, gap } => in_rhythm(things, *gap, value, |days, noun| {
            format!("tiempo medio entre {}: {}", noun.many, self::days(days))
        }),
        Told::GapSpread { things, gap } => in_rhythm(things, *gap, value, |days, noun| {
            format!("los intervalos entre {} varían en {}", noun.many, self::days(days))
        }),
        Told::LastGap { things, gap } => in_rhythm(things, *gap, value, |days, noun| {
            let last_two = noun.agreeing("los dos últimos", "las dos últimas");
            format!("tiempo entre {last_two} {}: {}", noun.many, self::days(days))
        }),
        Told::SilenceOverGap { things, gap } => in_rhythm(things, *gap, value, silence_over_gap),
        Told::SilenceAgainstRhythm { things, gap } => in_rhythm(things, *gap, value, silence_against_rhythm),
        Told::InLastWeeks { things, n_weeks } => {
            count(&noun(things), value, &format!("en las últimas {n_weeks} semanas"))
        }
        Told::WeeksWith { things, n_weeks } => spans(&noun(things), value, &format!("las últimas {n_weeks} semanas")),
        Told::MonthsWith { things, n_months } => {
            let last = format!("los últimos {n_months} periodos de cuatro semanas");
            spans(&noun(things), value, &last)
        }
        Told::LastYear { things, quarter } => {
            let side = match quarter {
                Quarter::Before => "anteriores",
                Quarter::After => "posteriores",
            };
            let when = format!("en las 13 semanas {side} a este día del año pasado");
            count(&noun(things), value, &when)
        }
        Told::PaidSum => value.number_or("importe pagado desconocido", |sum| match sum {
            0.0 => "ningún importe pagado hasta ahora".to_owned(),
            sum => format!("total pagado hasta ahora: {}", number(sum)),
        }),
        Told::RefundedSum => value.number_or("importe reembolsado desconocido", |sum| match sum {
            0.0 => "ningún importe reembolsado hasta ahora".to_owned(),
            sum => format!("total reembolsado hasta ahora: {}", number(sum)),
        }),
        Told::PaymentMean => value.number_or(NO_PAYMENT, |mean| format!("pago medio: {}", number(mean))),
        Told::PaymentSpread => value.number_or("menos de dos pagos hasta ahora", |spread| match spread {
            0.0 => "los pagos son siempre iguales".to_owned(),
            spread => format!("los pagos varían en {}", number(spread)),
        }),
        Told::PaymentGreatest => value.number_or(NO_PAYMENT, |paid| format!("pago más alto: {}", number(paid))),
        Told::PaymentLast => value.number_or(NO_PAYMENT, |paid| format!("último pago: {}", number(paid))),
        Told::PaidLately { half_life_days } => value.number_or("importe pagado últimamente desconocido", |sum| {
            let weight = weight(*half_life_days);
            format!(
                "pagado últimamente, descontados los reembolsos: {} ({weight})",
                number(sum)
            )
        }),
        Told::StageNow => value.label_or("aún sin etapa", "ahora en una etapa poco frecuente", |stage| {
            format!("ahora en la etapa «{stage}»")
        }),
        Told::StageFurthest { stages } => value.number_or("etapa más avanzada alcanzada: desconocida", |position| {
            match nth(stages, position) {
                // Position 0 is also that of a customer who was in no designed stage at all.
                Some(first) if position == 0.0 => format!("hasta ahora no más allá de la etapa «{first}»"),
                Some(stage) => format!("etapa más avanzada alcanzada: «{stage}»"),
                None => format!("etapa más avanzada alcanzada: número {}", number(position + 1.0)),
            }
        }),
        Told::StageStay => value.number_or("aún sin etapa", |days| {
            format!("en la etapa actual desde {}", ago(days))
        }),
        Told::StayOverDesigned => value.number_or("ningún tiempo previsto para la etapa actual", |times| {
            let told = number(times);
            if times < 1.0 {
                format!(
                    "en la etapa actual dentro del tiempo previsto ({} % de ese tiempo)",
                    percentage(times)
                )
            } else if times == 1.0 {
                "en la etapa actual durante el tiempo previsto".to_owned()
            } else {
                format!("en la etapa actual durante {told} veces el tiempo previsto")
            }
        }),
        Told::TouchpointRun => value.number_or("repetición del último punto de contacto desconocida", |run| match run
        {
            0.0 => NO_TOUCHPOINT.to_owned(),
            1.0 => "el último punto de contacto no era una repetición".to_owned(),
            run => format!("el último punto de contacto se dio {} veces seguidas", number(run)),
        }),
        Told::TouchpointBack { place } => {
            let which = match place {
                1 => "último punto de contacto".to_owned(),
                2 => "penúltimo punto de contacto".to_owned(),
                place => format!("punto de contacto número {place} contando desde el último"),
            };
            value.label_or(&fewer_touchpoints(*place), &format!("{which}: {RARE}"), |touchpoint| {
                format!("{which}: «{touchpoint}»")
            })
        }
        Told::GapBack { place } => {
            let next = place + 1;
            let which = match place {
                1 => "los dos últimos puntos de contacto".to_owned(),
                place => format!("los puntos de contacto {place} y {next} contando desde el último"),
            };
            value.number_or(&fewer_touchpoints(next), |days| {
                format!("tiempo entre {which}: {}", self::days(days))
            })
        }
        Told::ChannelShare { channel } => value.number_or(NO_CHANNEL, |share| {
            format!(
                "proporción de eventos recientes en el canal «{channel}»: {} %",
                percentage(share)
            )
        }),
        Told::ChannelPreferred => {
            let which = "canal más usado últimamente";
            value.label_or(NO_CHANNEL, &format!("{which}: {RARE}"), |channel| {
                format!("{which}: «{channel}»")
            })
        }
        Told::ScoreLast => value.number_or(NO_SCORE, |score| {
            format!("la última respuesta dio una puntuación de {}", number(score))
        }),
        Told::ScoreMean => value.number_or(NO_SCORE, |mean| format!("puntuación media dada: {}", number(mean))),
        Told::ScoreLeast => value.number_or(NO_SCORE, |least| format!("puntuación más baja dada: {}", number(least))),
        Told::ScoreLastLessMean => value.number_or(NO_SCORE, |less| {
            let by = number(less.abs());
            if less == 0.0 {
                "la última puntuación es igual a la media del cliente".to_owned()
            } else if less > 0.0 {
                format!("la última puntuación supera en {by} la media del cliente")
            } else {
                format!("la última puntuación es inferior en {by} a la media del cliente")
            }
        }),
        Told::Unanswered => count(&noun(&Things::Contacts), value, "aún sin respuesta"),
        Told::ResponseLast => value.number_or("todavía ninguna respuesta a una oferta", |taken| match taken {
            0.0 => "última respuesta: oferta rechazada".to_owned(),
            _ => "última respuesta: oferta aceptada".to_owned(),
        }),
        Told::ActionLast => {
            let which = "nuestra última acción";
            value.label_or(
                "todavía ninguna acción nuestra",
                &format!("{which}: {RARE}"),
                |action| format!("{which}: «{action}»"),
            )
        }
        Told::HourOfDay => "la hora del día".to_owned(),
        Told::DayOfWeek => "el día de la semana".to_owned(),
        Told::TimeOfYear => "la época del año".to_owned(),
        Told::Attribute { name, unit } => value.number_or(&unknown(name), |number| {
            format!("«{name}»: {}", amount(number, unit, MARK))
        }),
        Told::AttributeFlag { name } => value.number_or(&unknown(name), |flag| match flag {
            0.0 => format!("«{name}»: no"),
            _ => format!("«{name}»: sí"),
        }),
        Told::AttributeCategory { name } => value.label_or(&unknown(name), &format!("«{name}»: {RARE}"), |label| {
            format!("«{name}»: «{label}»")
        }),
        Told::AttributeDays { name } => value.number_or(&unknown(name), |days| {
            if days < 0.0 {
                return format!("«{name}»: {}", ago(-days));
            }
            format!("«{name}»: dentro de {}", self::days(days))
        }),
        Told::AttributeMean { name, unit } => {
            let mean_of = format!("media de «{name}» hasta ahora");
            value.number_or(&format!("{mean_of}: desconocida"), |mean| {
                format!("{mean_of}: {}", amount(mean, unit, MARK))
            })
        }
        Told::AttributeSpread { name, unit } => {
            let missing = format!("menos de dos eventos con un valor de «{name}»");
            value.number_or(&missing, |spread| match spread {
                0.0 => format!("los valores de «{name}» son siempre iguales"),
                spread => format!("los valores de «{name}» varían en {}", amount(spread, unit, MARK)),
            })
        }
        Told::AttributeBack { name, place } => {
            let then = match place {
                1 => format!("«{name}» en el último evento"),
                2 => format!("«{name}» en el penúltimo evento"),
                place => format!("«{name}» en el evento número {place} contando desde el último"),
            };
            value.label_or(&format!("{then}: {UNKNOWN}"), &format!("{then}: {RARE}"), |label| {
                format!("{then}: «{label}»")
            })
        }
        Told::AttributeChanged { name } => {
            let change = format!("cambio de «{name}» en el último evento");
            value.number_or(&format!("{change}: {UNKNOWN}"), |changed| match changed {
                0.0 => format!("{change}: no"),
                _ => format!("{change}: sí"),
            })
        }
    }
}

const MARK: &str = ",";
const NO_PAYMENT: &str = "todavía ningún pago";
const NO_TOUCHPOINT: &str = "todavía ningún punto de contacto";
const NO_CHANNEL: &str = "todavía ningún evento en un canal";
const NO_SCORE: &str = "todavía ninguna puntuación dada";
const UNKNOWN: &str = "dato desconocido";

/// A category too rare to be remembered.
const RARE: &str = "algo poco frecuente";

fn noun(things: &Things) -> Noun {
    match things {
        Things::Events => Noun::masculine("evento", "eventos"),
        Things::OfStage(stage) => Noun::masculine(
            format!("evento en la etapa «{stage}»"),
            format!("eventos en la etapa «{stage}»"),
        ),
        Things::OfTouchpoint(touchpoint) => {
            Noun::masculine(format!("evento «{touchpoint}»"), format!("eventos «{touchpoint}»"))
        }
        Things::OfTouchpoints(touchpoints) => {
            let any = any_of(touchpoints);
            Noun::masculine(format!("evento {any}"), format!("eventos {any}"))
        }
        Things::OnChannel(channel) => Noun::masculine(
            format!("evento en el canal «{channel}»"),
            format!("eventos en el canal «{channel}»"),
        ),
        Things::Contacts => Noun::masculine("contacto por nuestra parte", "contactos por nuestra parte"),
        Things::Accepted => Noun::feminine("oferta aceptada", "ofertas aceptadas"),
        Things::Rejected => Noun::feminine("oferta rechazada", "ofertas rechazadas"),
        Things::Answers => Noun::feminine("respuesta del cliente", "respuestas del cliente"),
        Things::Scores => Noun::feminine("puntuación dada", "puntuaciones dadas"),
        Things::Texts => Noun::feminine("respuesta escrita", "respuestas escritas"),
        Things::Moves => Noun::masculine("paso de una etapa a otra", "pasos de una etapa a otra"),
        Things::MovesBack => Noun::masculine("retroceso a una etapa anterior", "retrocesos a una etapa anterior"),
        Things::MovesSkipping => Noun::masculine("salto de una o más etapas", "saltos de una o más etapas"),
        Things::MovesAgain => Noun::masculine("regreso a una etapa ya visitada", "regresos a una etapa ya visitada"),
        Things::MovesOffMap => Noun::masculine(
            "paso fuera del recorrido previsto",
            "pasos fuera del recorrido previsto",
        ),
        Things::Stages => Noun::feminine("etapa visitada", "etapas visitadas"),
        Things::Touchpoints => Noun::masculine("tipo de punto de contacto", "tipos de punto de contacto"),
    }
}

fn any_of(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("«{name}»")).collect();
    match quoted.as_slice() {
        [] => "de ningún tipo".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} {} {last}", first.join(", "), or_before(last)),
    }
}

/// "o", or "u" before the sound of an o.
fn or_before(quoted: &str) -> &'static str {
    let name = quoted.trim_start_matches('«').to_lowercase();
    if ["o", "ó", "ho", "hó"].iter().any(|sound| name.starts_with(sound)) {
        "u"
    } else {
        "o"
    }
}

fn count(noun: &Noun, value: Value<'_>, when: &str) -> String {
    let Noun { one, many, .. } = noun;
    let no = noun.agreeing("ningún", "ninguna");
    value.number_or(&format!("número de {many} {when} desconocido"), |n| match n {
        0.0 => format!("{no} {one} {when}"),
        1.0 => format!("1 {one} {when}"),
        n => format!("{} {many} {when}", number(n)),
    })
}

fn lately(noun: &Noun, value: Value<'_>, half_life_days: u32) -> String {
    let Noun { one, many, .. } = noun;
    let weight = weight(half_life_days);
    value.number_or(&format!("número de {many} últimamente desconocido"), |n| {
        if n == 0.0 {
            format!("{} {one} últimamente", noun.agreeing("ningún", "ninguna"))
        } else if n < 0.5 {
            let few_or_no = noun.agreeing("pocos o ningún", "pocas o ninguna");
            format!("{few_or_no} {one} últimamente ({}; {weight})", number(n))
        } else if n == 1.0 {
            format!("últimamente cerca de 1 {one} ({weight})")
        } else {
            format!("últimamente cerca de {} {many} ({weight})", number(n))
        }
    })
}

/// What a half-life does, without the word.
fn weight(half_life_days: u32) -> String {
    match half_life_days {
        1 => "el último día cuenta más".to_owned(),
        days => format!("los últimos {days} días cuentan más"),
    }
}

/// Words with what a rhythm's gaps lie between; a missing one has too few of them.
fn in_rhythm(things: &Things, gap: Gap, value: Value<'_>, words: impl FnOnce(f64, &Noun) -> String) -> String {
    let noun = match gap {
        Gap::BetweenEvents => noun(things),
        // Not "visitas": a touchpoint often has that name.
        Gap::BetweenVisits => {
            let Noun { many, .. } = noun(things);
            Noun::feminine(format!("ocasión con {many}"), format!("ocasiones con {many}"))
        }
    };
    let too_few = noun.agreeing("demasiado pocos", "demasiado pocas");
    let missing = format!("{too_few} {} para conocer su ritmo", noun.many);
    value.number_or(&missing, |number| words(number, &noun))
}

fn silence_over_gap(times: f64, noun: &Noun) -> String {
    let (told, many) = (number(times), &noun.many);
    if times < 1.0 {
        format!("en silencio menos del tiempo habitual entre {many} más un día")
    } else if times == 1.0 {
        format!("en silencio durante el tiempo habitual entre {many} más un día")
    } else {
        format!("en silencio durante {told} veces el tiempo habitual entre {many} más un día")
    }
}

fn silence_against_rhythm(deviations: f64, noun: &Noun) -> String {
    let many = &noun.many;
    if deviations < -1.0 {
        format!("en silencio menos tiempo de lo habitual, según su propio ritmo de {many}")
    } else if deviations <= 1.0 {
        format!("en silencio aproximadamente el tiempo habitual, según su propio ritmo de {many}")
    } else {
        let told = number(deviations);
        format!(
            "en silencio mucho más tiempo de lo habitual, según su propio ritmo de {many} ({told} veces la variación habitual)"
        )
    }
}

fn spans(noun: &Noun, value: Value<'_>, last: &str) -> String {
    let Noun { one, many, .. } = noun;
    let no = noun.agreeing("ningún", "ninguna");
    value.number_or(&format!("número de {many} en {last} desconocido"), |n| match n {
        0.0 => format!("{no} {one} en {last}"),
        n => format!("{many} en {} de {last}", number(n)),
    })
}

fn fewer_touchpoints(than: usize) -> String {
    match than {
        1 => NO_TOUCHPOINT.to_owned(),
        than => format!("menos de {than} puntos de contacto hasta ahora"),
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
        "menos de un día".to_owned()
    } else if days == 1.0 {
        "1 día".to_owned()
    } else {
        format!("{} días", number(days))
    }
}

fn ago(days: f64) -> String {
    format!("hace {}", self::days(days))
}
