//! What customers say: scores and sentences whose tone follows hidden satisfaction.

use crate::chance::Chance;
use crate::words::{Region, Touchpoint};

/// P(score given), P(words given), by touchpoint.
fn p_given(touchpoint: Touchpoint) -> (f64, f64) {
    match touchpoint {
        Touchpoint::FeedbackSurvey => (0.85, 0.55),
        Touchpoint::Complaint => (0.30, 0.60),
        Touchpoint::SupportCall => (0.25, 0.20),
        Touchpoint::Referral => (0.0, 0.20),
        _ => (0.0, 0.0),
    }
}

/// The score, from 1 to 5: `3.2 + 0.9·satisfaction + 0.6·z`, rounded; None where none was given.
pub(crate) fn score(touchpoint: Touchpoint, satisfaction: f64, chance: &mut Chance) -> Option<f64> {
    let p = p_given(touchpoint).0;
    (p > 0.0 && chance.happens(p))
        .then(|| libm::round(3.2 + 0.9 * satisfaction + 0.6 * chance.normal()).clamp(1.0, 5.0))
}

/// A sentence in the language of the region, its tone by `satisfaction + 0.4·z` (less 0.5 in a complaint): below -0.3 unhappy, above 0.5 happy; None where none was given.
pub(crate) fn words(
    touchpoint: Touchpoint,
    satisfaction: f64,
    region: Region,
    chance: &mut Chance,
) -> Option<&'static str> {
    let p = p_given(touchpoint).1;
    if p == 0.0 || !chance.happens(p) {
        return None;
    }
    let complains = touchpoint == Touchpoint::Complaint;
    let mood = satisfaction + 0.4 * chance.normal() - if complains { 0.5 } else { 0.0 };
    let tone = if mood < -0.3 {
        0
    } else if mood <= 0.5 {
        1
    } else {
        2
    };
    let sentences = &SENTENCES[language(region)][tone];
    Some(sentences[(chance.unit() * sentences.len() as f64) as usize])
}

/// 0 English, 1 Italian, 2 Spanish.
fn language(region: Region) -> usize {
    match region {
        Region::Leinster | Region::Munster => 0,
        Region::Lombardia | Region::Lazio | Region::Sicilia => 1,
        Region::Catalunya | Region::Andalucia => 2,
    }
}

/// By language (English, Italian, Spanish) and tone (unhappy, so-so, happy).
const SENTENCES: [[[&str; 5]; 3]; 3] = [
    [
        [
            "I waited too long and nobody called back.",
            "The bill was wrong again.",
            "It stopped working after a week.",
            "I am thinking of leaving.",
            "Too expensive for what it does.",
        ],
        [
            "It works most of the time.",
            "Delivery was fine, the price less so.",
            "Support answered, but slowly.",
            "Nothing special to report.",
            "I expected a little more.",
        ],
        [
            "Great service, thank you!",
            "Support solved it in one call.",
            "Very happy with what I bought.",
            "I would recommend it to a friend.",
            "Easy to use and worth the price.",
        ],
    ],
    [
        [
            "Ho aspettato troppo e nessuno ha richiamato.",
            "La fattura era di nuovo sbagliata.",
            "Dopo una settimana ha smesso di funzionare.",
            "Sto pensando di andarmene.",
            "Troppo caro per quello che offre.",
        ],
        [
            "Funziona quasi sempre.",
            "Consegna buona, prezzo un po' meno.",
            "L'assistenza ha risposto, ma lentamente.",
            "Niente di particolare da segnalare.",
            "Mi aspettavo qualcosa di più.",
        ],
        [
            "Ottimo servizio, grazie!",
            "L'assistenza ha risolto con una chiamata.",
            "Sono molto contento dell'acquisto.",
            "Lo consiglierei a un amico.",
            "Facile da usare e vale il prezzo.",
        ],
    ],
    [
        [
            "Esperé demasiado y nadie me devolvió la llamada.",
            "La factura volvió a estar mal.",
            "Dejó de funcionar en una semana.",
            "Estoy pensando en darme de baja.",
            "Demasiado caro para lo que ofrece.",
        ],
        [
            "Funciona casi siempre.",
            "La entrega bien, el precio no tanto.",
            "Me atendieron, pero despacio.",
            "Nada especial que contar.",
            "Esperaba un poco más.",
        ],
        [
            "¡Gran servicio, gracias!",
            "Lo resolvieron en una sola llamada.",
            "Muy contento con la compra.",
            "Se lo recomendaría a un amigo.",
            "Fácil de usar y vale lo que cuesta.",
        ],
    ],
];
