//! The market's nouns: closed lists, each with the names that its files use.

/// Writes an enum whose variants carry the name that files use.
macro_rules! named {
    ($(#[$doc:meta])* $kind:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $kind { $($(#[$variant_doc])* $variant,)+ }

        impl $kind {
            /// Every value, in declared order: `ALL[v as usize] == v`.
            pub const ALL: &'static [$kind] = &[$($kind::$variant,)+];

            /// The name in files.
            pub const fn name(self) -> &'static str {
                match self { $($kind::$variant => $name,)+ }
            }
        }
    };
}

named! {
    /// Where in a journey a touchpoint belongs; the order is the designed one, leaving last.
    Stage {
        /// Hears of us.
        Awareness = "awareness",
        /// Compares and asks.
        Consideration = "consideration",
        /// Buys.
        Purchase = "purchase",
        /// Stays, calls, renews.
        Retention = "retention",
        /// Speaks for us.
        Advocacy = "advocacy",
        /// Has closed the account.
        Leaving = "leaving",
    }
}

named! {
    /// What a customer touches, or what we send.
    Touchpoint {
        /// Clicks an advertisement.
        AdClick = "ad_click",
        /// Visits the site.
        SiteVisit = "site_visit",
        /// Opens the newsletter.
        NewsletterOpen = "newsletter_open",
        /// Compares products.
        ProductCompare = "product_compare",
        /// Walks into a shop.
        StoreVisit = "store_visit",
        /// Tries a demonstration at a kiosk.
        KioskDemo = "kiosk_demo",
        /// Asks for a quote.
        QuoteRequest = "quote_request",
        /// Buys; the first one, and each after a lapse, opens a contract.
        Purchase = "purchase",
        /// Renews a contract.
        Renewal = "renewal",
        /// Calls support.
        SupportCall = "support_call",
        /// Complains.
        Complaint = "complaint",
        /// Answers a survey.
        FeedbackSurvey = "feedback_survey",
        /// Refers a friend.
        Referral = "referral",
        /// A contact made by us.
        MailOffer = "mail_offer",
        /// Accepts the open offer.
        OfferAccepted = "offer_accepted",
        /// Rejects the open offer.
        OfferRejected = "offer_rejected",
        /// Leaves for good.
        AccountClosed = "account_closed",
    }
}

impl Touchpoint {
    /// The stage a touchpoint belongs to, as journey.toml says it.
    pub const fn stage(self) -> Stage {
        match self {
            Self::AdClick | Self::SiteVisit | Self::NewsletterOpen => Stage::Awareness,
            Self::ProductCompare | Self::StoreVisit | Self::KioskDemo | Self::QuoteRequest => Stage::Consideration,
            Self::Purchase => Stage::Purchase,
            Self::Renewal
            | Self::SupportCall
            | Self::Complaint
            | Self::MailOffer
            | Self::OfferAccepted
            | Self::OfferRejected => Stage::Retention,
            Self::FeedbackSurvey | Self::Referral => Stage::Advocacy,
            Self::AccountClosed => Stage::Leaving,
        }
    }
}

named! {
    /// Where a touch happens.
    Channel {
        /// The site.
        Web = "web",
        /// Letters and e-mail.
        Mail = "mail",
        /// The telephone.
        Phone = "phone",
        /// A shop of ours.
        Shop = "shop",
        /// A self-service kiosk.
        Kiosk = "kiosk",
    }
}

named! {
    /// Who the customer is to the business.
    Audience {
        /// Young, price-sensitive, quick to go.
        Students = "students",
        /// Households.
        Families = "families",
        /// People who buy for work.
        Professionals = "professionals",
    }
}

named! {
    /// What is sold.
    Product {
        /// 90 days.
        Basic = "basic",
        /// 180 days.
        Plus = "plus",
        /// 365 days.
        Family = "family",
        /// 365 days.
        Business = "business",
    }
}

named! {
    /// Where the customer lives; it decides the language of written feedback.
    Region {
        /// Italian.
        Lombardia = "lombardia",
        /// Italian.
        Lazio = "lazio",
        /// Italian.
        Sicilia = "sicilia",
        /// Spanish.
        Catalunya = "catalunya",
        /// Spanish.
        Andalucia = "andalucia",
        /// English.
        Leinster = "leinster",
        /// English.
        Munster = "munster",
    }
}

named! {
    /// What a mail offer carries.
    Action {
        /// Money off.
        Discount = "discount",
        /// Advice on how to use what was bought.
        Advice = "advice",
    }
}
