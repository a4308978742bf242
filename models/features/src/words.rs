//! Features in words: one short sentence for a person who knows nothing of statistics, in each language.
//!
//! A feature says what it is as [`Told`]; each language is one file with one `match` over it.
//! The names of stages, touchpoints and channels are told as the spec gives them, in no other language; those of attributes
//! with spaces for underscores, and without the ending that says that they are times.

mod english;
mod italian;
mod names;
mod spanish;

use crate::Told;

/// A language that features are told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// English.
    English,
    /// Italian.
    Italian,
    /// Spanish.
    Spanish,
}

impl Language {
    /// Every language.
    pub const ALL: [Language; 3] = [Self::English, Self::Italian, Self::Spanish];

    /// The language of a code such as `en`; `None` for any other.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// Its ISO 639-1 code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Italian => "it",
            Self::Spanish => "es",
        }
    }
}

/// What a feature's cell holds, ready to be told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Nothing.
    Missing,
    /// A number; for a category, any value that no text is remembered for.
    Number(f64),
    /// The text of a category.
    Label(&'a str),
}

/// What a feature says of a customer: a fragment with a capital and without a full stop.
///
/// Numbers are whole from 10 on and have at most two decimals below.
/// A number that is not finite is missing, and so is a text where the feature is a number.
///
/// ```
/// use percorso_features::{Language, Things, Told, Value, sentence};
///
/// let told = Told::Since(Things::Events);
/// assert_eq!(sentence(&told, Value::Number(45.0), Language::English), "Last seen 45 days ago");
/// assert_eq!(sentence(&told, Value::Missing, Language::Italian), "Non ancora visto");
/// ```
pub fn sentence(told: &Told, value: Value<'_>, language: Language) -> String {
    let value = match value {
        Value::Number(number) if number.is_finite() => Value::Number(rounded(number)),
        Value::Number(_) => Value::Missing,
        Value::Missing | Value::Label(_) => value,
    };
    let told = &*names::readable(told);
    let text = match language {
        Language::English => english::sentence(told, value),
        Language::Italian => italian::sentence(told, value),
        Language::Spanish => spanish::sentence(told, value),
    };
    capitalised(&text)
}

impl Value<'_> {
    /// The words of a number, or those of its absence.
    fn number_or(self, missing: &str, words: impl FnOnce(f64) -> String) -> String {
        match self {
            Self::Number(number) => words(number),
            Self::Missing | Self::Label(_) => missing.to_owned(),
        }
    }

    /// The words of a category, of one too rare to be remembered, or of its absence.
    fn label_or(self, missing: &str, rare: &str, words: impl FnOnce(&str) -> String) -> String {
        match self {
            Self::Label(label) => words(label),
            Self::Number(_) => rare.to_owned(),
            Self::Missing => missing.to_owned(),
        }
    }
}

/// A noun of a language with genders.
struct Noun {
    one: String,
    many: String,
    gender: Gender,
}

/// A grammatical gender.
#[derive(Clone, Copy)]
enum Gender {
    Masculine,
    Feminine,
}

impl Noun {
    fn masculine(one: impl Into<String>, many: impl Into<String>) -> Self {
        Self {
            one: one.into(),
            many: many.into(),
            gender: Gender::Masculine,
        }
    }

    fn feminine(one: impl Into<String>, many: impl Into<String>) -> Self {
        Self {
            one: one.into(),
            many: many.into(),
            gender: Gender::Feminine,
        }
    }

    /// The form of another word that agrees with this noun.
    const fn agreeing<'a>(&self, masculine: &'a str, feminine: &'a str) -> &'a str {
        match self.gender {
            Gender::Masculine => masculine,
            Gender::Feminine => feminine,
        }
    }
}

/// Whole from 10 on, two decimals below; rounding comes first, so that 0.999 days are told as one day.
fn rounded(number: f64) -> f64 {
    let rounded = (number * 100.0).round() / 100.0;
    if rounded.abs() < 10.0 {
        // Minus zero plus zero is zero.
        rounded + 0.0
    } else {
        number.round()
    }
}

/// A rounded number with a language's decimal mark.
fn figure(number: f64, decimal_mark: &str) -> String {
    number.to_string().replace('.', decimal_mark)
}

/// A rounded number with its unit, unless the unit is a kind of number rather than a word for it.
fn amount(number: f64, unit: &str, decimal_mark: &str) -> String {
    let figure = figure(number, decimal_mark);
    match unit {
        "" | "currency" | "score" => figure,
        unit => format!("{figure} {unit}"),
    }
}

/// A share as a whole percentage, without its sign.
fn percentage(share: f64) -> String {
    ((100.0 * share).round() + 0.0).to_string()
}

/// A position in a list, when the number is one.
fn nth(list: &[String], position: f64) -> Option<&str> {
    list.iter()
        .zip(0_u32..)
        .find(|&(_, at)| f64::from(at) == position)
        .map(|(name, _)| name.as_str())
}

/// The text with a capital; untouched when it begins with a mark of quotation or a figure.
fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use percorso_journey::{Spec, text};

    use super::*;
    use crate::{Catalogue, Gap, Quarter, Things};

    #[test]
    fn every_feature_has_words_in_every_language_for_every_value() {
        let spec = Spec::parse(text::SMALL_SPEC).expect("the small spec is valid");
        let numbers = [0.0, 1.0, 12.34, 45.0, -3.5, f64::NAN].map(Value::Number);
        let others = [Value::Missing, Value::Label("Lazio")];
        for feature in Catalogue::of(&spec).features() {
            for language in Language::ALL {
                for &value in numbers.iter().chain(&others) {
                    let sentence = sentence(&feature.told, value, language);
                    let what = format!("{} in {language:?}, {value:?}: {sentence:?}", feature.name);
                    assert!(!sentence.is_empty() && !sentence.ends_with('.'), "{what}");
                    assert!(!sentence.starts_with(char::is_lowercase), "{what}");
                    assert!(!sentence.contains(&feature.name) && !sentence.contains("NaN"), "{what}");
                    assert!(!sentence.contains('_') && !sentence.contains("  "), "{what}");
                }
            }
        }
    }

    #[test]
    fn every_language_reads_as_a_person_would_say_it() {
        use Value::{Label, Missing, Number};
        let purchase = || Things::OfTouchpoint("purchase".to_owned());
        let life = || Things::OfTouchpoints(vec!["purchase".to_owned(), "renewal".to_owned()]);
        let stage = || Things::OfStage("purchase".to_owned());
        let gap = Gap::BetweenEvents;
        let age = || "age".to_owned();
        let ends = || "contract_ends_at".to_owned();
        let lately = |things| Told::Lately {
            things,
            half_life_days: 30,
        };
        let table = [
            (
                Told::Since(Things::Events),
                Number(45.2),
                "Last seen 45 days ago",
                "Visto l'ultima volta 45 giorni fa",
                "Visto por última vez hace 45 días",
            ),
            (
                Told::Since(Things::Events),
                Number(0.2),
                "Last seen less than a day ago",
                "Visto l'ultima volta meno di un giorno fa",
                "Visto por última vez hace menos de un día",
            ),
            (
                Told::Since(stage()),
                Missing,
                "No event in the stage purchase yet",
                "Ancora nessun evento nella fase «purchase»",
                "Todavía ningún evento en la etapa «purchase»",
            ),
            (
                Told::Since(Things::Accepted),
                Number(0.999),
                "Last accepted offer 1 day ago",
                "Ultima offerta accettata 1 giorno fa",
                "Última oferta aceptada hace 1 día",
            ),
            (
                Told::Count(purchase()),
                Number(5.0),
                "5 purchase events so far",
                "5 eventi «purchase» finora",
                "5 eventos «purchase» hasta ahora",
            ),
            (
                Told::Count(Things::Rejected),
                Number(0.0),
                "No declined offer so far",
                "Nessuna offerta rifiutata finora",
                "Ninguna oferta rechazada hasta ahora",
            ),
            (
                lately(purchase()),
                Number(0.3),
                "Few or no purchase events lately (0.3, the last 30 days count most)",
                "Pochi o nessun evento «purchase» di recente (0,3; gli ultimi 30 giorni contano di più)",
                "Pocos o ningún evento «purchase» últimamente (0,3; los últimos 30 días cuentan más)",
            ),
            (
                lately(Things::OnChannel("web".to_owned())),
                Number(3.217),
                "Lately about 3.22 events on the channel web (the last 30 days count most)",
                "Di recente circa 3,22 eventi sul canale «web» (gli ultimi 30 giorni contano di più)",
                "Últimamente cerca de 3,22 eventos en el canal «web» (los últimos 30 días cuentan más)",
            ),
            (
                Told::SilentShare,
                Number(0.428),
                "Silent for 43% of the time since first seen",
                "Tempo in silenzio da quando è stato visto la prima volta: 43%",
                "Tiempo en silencio desde que se le vio por primera vez: 43 %",
            ),
            (
                Told::UsualGap { things: life(), gap },
                Number(12.0),
                "Average time between purchase or renewal events: 12 days",
                "Tempo medio tra eventi «purchase» o «renewal»: 12 giorni",
                "Tiempo medio entre eventos «purchase» o «renewal»: 12 días",
            ),
            (
                Told::LastGap {
                    things: purchase(),
                    gap: Gap::BetweenVisits,
                },
                Number(9.5),
                "Time between the last two occasions with purchase events: 9.5 days",
                "Tempo tra le ultime due occasioni con eventi «purchase»: 9,5 giorni",
                "Tiempo entre las dos últimas ocasiones con eventos «purchase»: 9,5 días",
            ),
            (
                Told::GapSpread {
                    things: Things::Events,
                    gap,
                },
                Missing,
                "Too few events to know their rhythm",
                "Troppo pochi eventi per conoscerne il ritmo",
                "Demasiado pocos eventos para conocer su ritmo",
            ),
            (
                Told::SilenceOverGap {
                    things: purchase(),
                    gap,
                },
                Number(2.4),
                "Silent for 2.4 times the usual time between purchase events plus a day",
                "In silenzio da 2,4 volte il tempo abituale tra eventi «purchase» più un giorno",
                "En silencio durante 2,4 veces el tiempo habitual entre eventos «purchase» más un día",
            ),
            (
                Told::SilenceOverGap {
                    things: Things::Events,
                    gap,
                },
                Number(0.4),
                "Silent for less than the usual time between events plus a day",
                "In silenzio da meno del tempo abituale tra eventi più un giorno",
                "En silencio menos del tiempo habitual entre eventos más un día",
            ),
            (
                Told::SilenceAgainstRhythm {
                    things: purchase(),
                    gap,
                },
                Number(2.1),
                "Silent for unusually long, measured by their own rhythm of purchase events (2.1 times the usual spread)",
                "In silenzio da molto più tempo del solito, rispetto al proprio ritmo di eventi «purchase» \
                 (2,1 volte la variazione abituale)",
                "En silencio mucho más tiempo de lo habitual, según su propio ritmo de eventos «purchase» \
                 (2,1 veces la variación habitual)",
            ),
            (
                Told::WeeksWith {
                    things: purchase(),
                    n_weeks: 13,
                },
                Number(3.0),
                "Purchase events in 3 of the last 13 weeks",
                "Eventi «purchase» in 3 delle ultime 13 settimane",
                "Eventos «purchase» en 3 de las últimas 13 semanas",
            ),
            (
                Told::LastYear {
                    things: purchase(),
                    quarter: Quarter::After,
                },
                Number(1.0),
                "1 purchase event in the 13 weeks after this day last year",
                "1 evento «purchase» nelle 13 settimane successive a questo giorno dell'anno scorso",
                "1 evento «purchase» en las 13 semanas posteriores a este día del año pasado",
            ),
            (
                Told::PaidSum,
                Number(1234.5),
                "Paid 1235 in all so far",
                "Totale pagato finora: 1235",
                "Total pagado hasta ahora: 1235",
            ),
            (
                Told::StageNow,
                Label("consideration"),
                "Now in the stage consideration",
                "Ora nella fase «consideration»",
                "Ahora en la etapa «consideration»",
            ),
            (
                Told::StageFurthest {
                    stages: vec!["visit".to_owned(), "purchase".to_owned()],
                },
                Number(1.0),
                "Furthest stage reached: purchase",
                "Fase più avanzata raggiunta: «purchase»",
                "Etapa más avanzada alcanzada: «purchase»",
            ),
            (
                Told::TouchpointBack { place: 1 },
                Label("newsletter"),
                "Last touchpoint: newsletter",
                "Ultimo punto di contatto: «newsletter»",
                "Último punto de contacto: «newsletter»",
            ),
            (
                Told::ChannelPreferred,
                Number(4.0),
                "Channel used most lately: something rare",
                "Canale più usato di recente: qualcosa di raro",
                "Canal más usado últimamente: algo poco frecuente",
            ),
            (
                Told::ScoreLast,
                Number(3.0),
                "The last answer gave a score of 3",
                "L'ultima risposta ha dato un punteggio di 3",
                "La última respuesta dio una puntuación de 3",
            ),
            (
                Told::TimeOfYear,
                Number(-0.7),
                "The time of year",
                "Il periodo dell'anno",
                "La época del año",
            ),
            (
                Told::Attribute {
                    name: age(),
                    unit: "years".to_owned(),
                },
                Number(44.0),
                "Age: 44 years",
                "«age»: 44 years",
                "«age»: 44 years",
            ),
            (
                Told::Attribute {
                    name: age(),
                    unit: "currency".to_owned(),
                },
                Number(-0.001),
                "Age: 0",
                "«age»: 0",
                "«age»: 0",
            ),
            (
                Told::AttributeDays { name: ends() },
                Number(-30.0),
                "Contract ends: 30 days ago",
                "«contract ends»: 30 giorni fa",
                "«contract ends»: hace 30 días",
            ),
        ];
        for (told, value, english, italian, spanish) in table {
            assert_eq!(sentence(&told, value, Language::English), english);
            assert_eq!(sentence(&told, value, Language::Italian), italian);
            assert_eq!(sentence(&told, value, Language::Spanish), spanish);
        }
    }

    #[test]
    fn a_spanish_or_gives_way_before_an_o() {
        let offers = Things::OfTouchpoints(vec!["visita".to_owned(), "oferta".to_owned()]);
        let said = sentence(&Told::Count(offers), Value::Number(2.0), Language::Spanish);
        assert_eq!(said, "2 eventos «visita» u «oferta» hasta ahora");
    }

    #[test]
    fn a_language_is_known_by_its_code() {
        for language in Language::ALL {
            assert_eq!(Language::parse(language.code()), Some(language));
        }
        assert_eq!(Language::parse("it"), Some(Language::Italian));
        assert_eq!(Language::parse("fr"), None);
    }
}
