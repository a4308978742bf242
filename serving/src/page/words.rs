//! All that the page says, in one place: one [`Said`] for each sentence, one file with one `match` for each language.
//!
//! The names of stages, touchpoints, channels and actions are told as the spec writes them, in no other language.

mod english;
mod italian;
mod spanish;

use percorso_next_action::decide::Why;
use percorso_scoring::Language;

use super::figures;
use crate::ResponseKind;

/// Something the page says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Said<'a> {
    MyCustomers,
    SkipToContent,
    MainMenu,
    LanguageLabel,
    AsOf(&'a str),
    IsBeingRanked,
    NoModel,
    NoneFound,
    Filter,
    SearchById,
    Stage,
    Action,
    Any,
    AnyOf,
    Anyone,
    AtLeastPercent(&'a str),
    SortBy,
    SortGain,
    SortChance,
    SortValue,
    SortActBy,
    Show,
    Export,
    ListCaption,
    Customer,
    Owner,
    Chance,
    ValueAtRisk,
    DoThis,
    Gain,
    ActBy,
    Because,
    Between(&'a str, &'a str),
    NotEnoughData,
    NotAsked,
    Nothing,
    OrLater(&'a str),
    Summary {
        listed: &'a str,
        leavers: &'a str,
        value: &'a str,
    },
    DrawTheLine,
    BestCutOff {
        contacted: &'a str,
        at_least: &'a str,
        leavers: &'a str,
        of_leavers: &'a str,
        others: &'a str,
        value: &'a str,
    },
    NoCutOff,
    CutOffCaption,
    CutOffPicture,
    ContactFrom,
    Contacted,
    LeaversCaught,
    OthersBothered,
    ExpectedValue,
    IsBest,
    IsChosen,
    OfLeavers(&'a str, &'a str),
    PageOf(&'a str, &'a str),
    Pages,
    Previous,
    Next,
    BackToAll,
    WhatToDo,
    OnChannel(&'a str),
    HoldsUntil(&'a str),
    MostlyBetween(&'a str, &'a str),
    MostlyOn(&'a str),
    BringsIn(&'a str),
    Learnt(&'a str),
    Declared,
    Untaught,
    DoNothing,
    HeldOutToday,
    Fallback,
    Alternatives,
    WhyNotOthers,
    WhyNot(&'a Why),
    WillItLeave,
    LeavingCaption,
    Definition,
    LeavesWithin(&'a str),
    SilentFor(&'a str),
    NotRenewedWithin(&'a str),
    WhyThis(&'a str),
    SinceWhen,
    SinceLastWeek {
        then: &'a str,
        between: &'a str,
        now: &'a str,
        events: &'a str,
    },
    NoLastWeek,
    TrendPicture(&'a str),
    WhatComesNext,
    NextCaption(&'a str),
    NothingComes,
    Chances,
    MedianDays(&'a str),
    WhyNext(&'a str),
    OutsidePopulation,
    Journey,
    JourneyPicture,
    JourneyTable,
    NoEventsKept,
    Older(&'a str),
    When,
    Touchpoint,
    Channel,
    NoChannel,
    Value,
    WillDo,
    RejectThis,
    ReasonLabel,
    Reject,
    PutOff,
    PutOffFor(u16),
    PutOffUntil(&'a str),
    PutOffNoLonger,
    OnlyPutOff,
    LeftAnyway,
    HasLeft(&'a str),
    LeftMeans,
    YesLeft,
    NotLeft,
    Decided(&'a str, &'a str),
    DecidedNothing(&'a str),
    ByChance,
    Done,
    Took,
    Responded(ResponseKind, &'a str),
    NoPolicyYet,
    NotAtThisHour,
    CannotNow,
    SayWhy,
    NotLogged,
    Recorded,
    DecidedOtherwise,
    Assumed,
    Record,
    RecordMeans,
    NothingToldYet,
    FirstRecord(&'a str),
    ToldOn(&'a str, &'a str, &'a str),
    SoFar(&'a str, &'a str, &'a str),
    OfThoseTold(&'a str, &'a str, &'a str),
    BesideHeldOut(&'a str, &'a str),
    NotTellable(&'a str),
    ByTenths,
    ToldChance,
    Customers,
    Expected,
    HaveLeft,
    ShareLeft,
    ByContact,
    WhatWasDone,
    WereContacted,
    WereNotContacted,
    WereHeldOut,
    ContactWarning,
    NeedsLink,
    LinkIsUsed,
    WrongHost,
    WrongForm,
    NoSuchCustomer,
    NoSuchPage,
    Failed,
    JourneyMap,
    MapSince(&'a str),
    MapPicture,
    MapLegend,
    NobodyInGroup,
    Audience,
    Product,
    HereNow(&'a str),
    MayLeave(&'a str),
    Moved(&'a str, &'a str, &'a str),
    DaysLong(&'a str),
    StagesCaption,
    InItNow,
    Came,
    WentOn,
    WentBack,
    LeftFrom,
    TypicalStay,
    DesignedStay,
    MeanChance,
    TouchpointsCaption,
    Times,
    CustomersMet,
    MovedOn,
    Feedback,
    MovesCaption,
    From,
    To,
    AsDesigned,
    Yes,
    No,
}

/// The words of a language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Words(pub(super) Language);

impl Words {
    /// A sentence of the page.
    pub(super) fn say(self, said: Said<'_>) -> String {
        match self.0 {
            Language::English => english::say(said),
            Language::Italian => italian::say(said),
            Language::Spanish => spanish::say(said),
        }
    }

    /// The code of the language.
    pub(super) fn code(self) -> &'static str {
        self.0.code()
    }

    /// Every language with its own name, and whether it is this one.
    pub(super) fn languages(self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        let named = move |language: Language| {
            let name = match language {
                Language::English => "English",
                Language::Italian => "Italiano",
                Language::Spanish => "Español",
            };
            (language.code(), name, language == self.0)
        };
        Language::ALL.into_iter().map(named)
    }

    /// The language that a browser asks for first among those the page has; English where it asks for none of them.
    pub(super) fn accepted(header: &str) -> Words {
        let preference = |entry: &str| {
            let (tag, settings) = entry.split_once(';').unwrap_or((entry, ""));
            let code = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
            let weight = settings.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.parse().ok());
            Some((Language::parse(&code)?, weight.unwrap_or(0.0)))
        };
        let asked = header.split(',').filter_map(preference);
        // The first of equals.
        let best = asked.reduce(|best, next: (Language, f64)| if next.1 > best.1 { next } else { best });
        Words(best.map_or(Language::English, |(language, _)| language))
    }

    pub(super) fn percent(self, share: f64) -> String {
        figures::percent(share, self.0)
    }

    pub(super) fn cut_off(self, share: f64) -> String {
        figures::cut_off(share, self.0)
    }

    pub(super) fn money(self, amount: f64) -> String {
        figures::money(amount, self.0)
    }

    pub(super) fn decimal(self, number: f64) -> String {
        figures::decimal(number, self.0)
    }

    pub(super) fn count(self, number: usize) -> String {
        figures::count(number, self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_first_that_the_browser_asks_for_and_the_page_has() {
        let accepted = |header| Words::accepted(header).code();
        assert_eq!(accepted("it-IT,it;q=0.9,en;q=0.8"), "it");
        assert_eq!(accepted("de, es;q=0.5, en;q=0.7"), "en");
        assert_eq!(accepted("es"), "es");
        assert_eq!(accepted(""), "en");
        assert_eq!(accepted("de"), "en");
    }

    #[test]
    fn every_reason_against_an_action_is_told_in_every_language() {
        for why in Why::every("a rule") {
            let told = Language::ALL.map(|language| Words(language).say(Said::WhyNot(&why)));
            assert!(told.iter().all(|words| words.len() > 5), "{told:?}");
            assert!(told[0] != told[1] && told[1] != told[2], "{told:?}");
        }
    }
}
