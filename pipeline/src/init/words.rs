//! What names say: columns and touchpoints in the words of several languages, without accents and cases.
//!
//! A list of words is one text with a space between two.

use percorso_journey::CategoryId;

/// The words of a name, in lower case and without accents: `CustomerID` is `customer id`.
pub(super) fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (at, &letter) in letters.iter().enumerate() {
        let is_lower = |at: usize| letters.get(at).is_some_and(|letter| letter.is_lowercase());
        let is_hump = letter.is_uppercase()
            && at > 0
            && letters[at - 1].is_alphanumeric()
            && (is_lower(at - 1) || (letters[at - 1].is_uppercase() && is_lower(at + 1)));
        if is_hump || !letter.is_alphanumeric() {
            words.push(String::new());
        }
        if letter.is_alphanumeric() {
            let word = words.last_mut().expect("there is always one");
            letter.to_lowercase().for_each(|letter| plain(letter, word));
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Adds a lower-case letter without its accent.
fn plain(letter: char, to: &mut String) {
    match letter {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => to.push('a'),
        'è' | 'é' | 'ê' | 'ë' => to.push('e'),
        'ì' | 'í' | 'î' | 'ï' => to.push('i'),
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => to.push('o'),
        'ù' | 'ú' | 'û' | 'ü' => to.push('u'),
        'ñ' => to.push('n'),
        'ç' => to.push('c'),
        'ß' => to.push_str("ss"),
        letter => to.push(letter),
    }
}

/// A name for a spec: its words joined by `_`.
pub(super) fn snake(name: &str) -> String {
    let joined = words(name).join("_");
    let ascii: String = joined
        .chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
        .collect();
    match ascii.trim_matches('_') {
        "" => "column".to_owned(),
        name if name.starts_with(|first: char| first.is_ascii_digit()) => format!("c{name}"),
        name => name.to_owned(),
    }
}

/// Words for a number that tells one thing from another.
pub(super) const ID: &str = "id ids nr no num number key code uuid guid hash ref reference unique master codice numero codigo clave \
    nummer kennung kenmerk identifier pseudo anon numero identifiant identificador";

/// Words for whoever has journeys, and how surely each is the customer.
pub(super) const CUSTOMERS: &[(&str, i32)] = &[
    (
        "customer customers cust client clients cliente clienti clientes kunde kunden klant klanten",
        100,
    ),
    (
        "user users utente utenti usuario nutzer benutzer gebruiker member membro miembro mitglied lid socio utilisateur utilizador acheteur adherent abonne assinante \
        buyer shopper acquirente comprador subscriber abbonato abonado abonnent abonnee visitor fullvisitor \
        visitatore besucher bezoeker patient paziente paciente lead mql prospect person persona household \
        passenger guest student donor policyholder player msno consumer reviewer borrower applicant",
        80,
    ),
    ("account konto conto cuenta rekening compte conta device", 65),
    (
        "contract contratto contrato contrat vertrag policy card email phone msisdn",
        50,
    ),
    ("session visit sessione sesion sitzung sessie cookie", 30),
];

/// Words for a time.
pub(super) const TIMES: &str = "at on date time timestamp datetime when ts dt data fecha datum tijd tijdstip zeit zeitpunkt zeitstempel \
    ora orario hora momento moment quando cuando day giorno dia tag dag heure jour quand date momento";

/// Words beside a time that it is the event's own.
pub(super) const EVENT_TIMES: &str = "event order invoice purchase transaction created creation occurred visit timestamp contact action \
    activity evento ordine acquisto compra pedido ereignis bestell kauf buchung bestelling aankoop fattura \
    factura rechnung complete won start review creazione creacion commande achat evenement encomenda atividade activite facture fatura paiement pagamento";

/// Words beside a time that it is some other time.
pub(super) const OTHER_TIMES: &str = "birth born dob nascita nacimiento geburt geburts geboorte expiry expires expiration scadenza vencimiento \
    ablauf verval due estimated limit updated modified loaded ingested known recorded delivered delivery \
    carrier approved end until close closed registration reg signup joined answer due naissance nascimento validade resiliation livraison";

/// Words for what happened, and how surely each says so.
pub(super) const TOUCHPOINTS: &[(&str, i32)] = &[
    (
        "touchpoint activity attivita actividad aktivitat activiteit event events evento ereignis gebeurtenis \
        vorgang activite atividade evenement",
        95,
    ),
    (
        "action azione accion aktion actie interaction interazione interaccion interaktion interactie step etape acao \
        passo paso schritt stap behavior behaviour task operation operazione operacion handeling taetigkeit \
        tatigkeit activityname eventtype eventname",
        80,
    ),
    ("type tipo typ art soort kind", 50),
    ("status stato estado state phase statut etat", 45),
];

/// Words beside what happened that change nothing about it.
pub(super) const OF_NAMES: &str = "type name tipo typ art soort nome nombre naam di de del der van title label concept transaction code \
    kind nom nome do da du";

/// Words for money that came in.
pub(super) const MONEY: &str = "value amount revenue spend total price sales gmv importo importe betrag bedrag valore valor wert waarde \
    totale umsatz omzet fatturato ventas ingresos dollar dollars euro payment turnover prezzo precio preis \
    prijs paid sum summe montant prix preco quantia receita chiffre recette";

/// Words for the price of one.
pub(super) const UNIT_PRICE: &str = "price prezzo precio preis prijs stuckpreis unitprice einzelpreis prix preco";

/// Words for how many.
pub(super) const QUANTITY: &str = "quantity qty quantita cantidad menge anzahl aantal hoeveelheid units pezzi unidades stuck stuks items \
    cds quantite quantidade qtd qte unites";

/// Words for what was bought or talked about.
pub(super) const PRODUCT: &str = "product prodotto producto produkt sku stock stockcode item article articolo articulo artikel asin produit produto artigo";

/// Words for the channel.
pub(super) const CHANNEL: &str =
    "channel canale canal kanal kanaal origin medium source origine herkunft bron fonte origem";

/// Words for the account manager.
pub(super) const OWNER: &str = "owner manager salesperson responsabile gestor betreuer verkaufer accountmanager agente vendeur vendedor gestionnaire conseiller";

/// Words for the customer's judgement in numbers.
pub(super) const SCORE: &str = "rating nps csat stars stelle sterne estrellas sterren bewertung calificacion beoordeling satisfaction \
    voto soddisfazione zufriedenheit satisfaccion tevredenheid note avaliacao etoiles estrelas satisfaction";

/// Words for an id that lines, orders or journeys share.
pub(super) const SHARED: &str = "invoice order orders receipt transaction basket ticket bill fattura factura rechnung bestellung \
    bestelling bon scontrino pedido ordine case session event journey visit caso fall zaak auftrag cart \
    booking trace incident application request claim booking facture commande panier fatura encomenda carrinho cesta visite";

/// Words for whoever or whatever numbers only name.
pub(super) const NAMERS: &str = "resource employee operator agent department id code zip postcode cap plz branch store shop impiegato \
    mitarbeiter empleado medewerker operatore article articolo artikel";

/// Words for consent to be contacted.
pub(super) const CONSENT: &str = "consent optin gdpr consenso consentimiento einwilligung toestemming permission contactable privacy may consentement consentimento permissao";

/// The stages of a journey as people usually draw it.
pub(super) const STAGES: [&str; 5] = ["awareness", "consideration", "purchase", "retention", "advocacy"];

/// Beginnings of words that place a touchpoint in a stage, the stage that goes before others first.
///
/// A stem that ends in a dot is a whole word.
pub(super) const STAGE_STEMS: [(usize, &str); 5] = [
    (
        4,
        "referr refer. recommend raccomand recomend empfehl aanbevel share. shared. condivi teilen review \
        recension resena bewert beoordel feedback survey sondag encuesta umfrage enquete rating testimonial \
        avis. parrain avalia invit nps. advoca passaparola",
    ),
    (
        3,
        "renew rinnov renov verlanger verleng support assist soporte hilfe hulp ticket complain reclam \
        beschwerd klacht return reso. resi. devol ruckgab retour refund rimbors erstatt deliver conseg \
        entreg liefer lever ship. shipp spedi envio livr. livrai versand verzend login usage upgrade upsell service \
        servizio repair claim sinistr schaden loyal fedel retention gutschein accesso anmeld",
    ),
    (
        2,
        "purchas buy. buys. bought order ordin acquist compra kauf bestell koop aankoop checkout pay. paid. \
        payment pagament pago. pagos. zahl betal invoice fattur factur rechnung transact contract contratt \
        contrat vertrag subscription abbonament won. sale. sales. sold. vendit venta deal. deals. booking \
        booked prenot reserv buchung boeking deposit pedido conversion commande encomend achat achet paie vente venda",
    ),
    (
        1,
        "compar confront vergleich vergelijk cart carrell carrito warenkorb winkelwagen basket panier carrinho devis orcament wishlist \
        favorit quote quotat preventiv presupuest angebot offer demo trial prova. prueba appointment \
        appuntament cita. termin. afspraak consult inquir enquir request richiest solicit anfrag aanvra \
        applic submit regist signup sign qualif proposal store negozio tienda filiale winkel configur",
    ),
    (
        0,
        "ad. ads. advert annunci anuncio anzeige advertent impression banner campa kampagn newsletter visit \
        besuch bezoek view page. pagina seite browse landing click clique clic. clics. klik klick search ricerc \
        busqued such zoek social webinar lead contact contatt kontakt download session open. opened. read. \
        mail email awareness pubblicit publicidad werbung",
    ),
];

/// Beginnings of words that say that the customer goes for good.
pub(super) const LEAVING_STEMS: &str = "churn unsubscri cancel annull disdett disdir disdic baja. kundig gekundig storn opzeg opgezeg terminat \
    resign recess deactivat disattiv desactiv deaktiv deleted withdraw lapse collection inkasso incasso \
    cobranza left. cessat disiscri abmeld afmeld uitgeschrev austritt leaving abbandon rescin resili desabonn desinscri cancelad rescis descadastr";

/// Beginnings of words for an end, which is leaving when something of the customer's ends.
pub(super) const END_STEMS: &str =
    "clos chius cerra cierre geschloss schliess gesloten sluit ended expire lost. fermet ferme. clotur encerr fechad";

/// Words that an end is a good one, which is no leaving.
pub(super) const GOOD_ENDS: &str =
    "won win paid success successful vinto vinta gewonnen ganado ganada gagne gagnee ganho ganha";

/// Words beside a customer that the column tells something of them, and does not name them.
pub(super) const PROPERTIES: &str = "age eta edad alter leeftijd idade gender sex sesso sexe sexo city citta ciudad stadt ville cidade country \
    paese pais land pays state region regione province type tipo typ segment segmento since status group gruppo gruppe \
    groupe grupo count zip postcode plz cap prefix lat lng latitude longitude address birth tenure income score rating value";

/// Words for what a customer has as long as they are one.
pub(super) const OF_CUSTOMERS: &str = "account customer contract conto cliente contratto cuenta contrato konto kunde kundenkonto vertrag \
    rekening klant subscription membership policy abbonamento compte abonnement contrat conta assinatura";

/// Whether one of the words begins as one of the stems.
pub(super) fn has_stem(words: &[String], stems: &str) -> bool {
    let fits = |word: &String, stem: &str| match stem.strip_suffix('.') {
        Some(whole) => word == whole,
        None => word.starts_with(stem),
    };
    words.iter().any(|word| stems.split(' ').any(|stem| fits(word, stem)))
}

/// Whether one of the words is one of the list.
pub(super) fn has_word(words: &[String], list: &str) -> bool {
    words.iter().any(|word| is_in(word, list))
}

/// Whether a word is one of the list.
pub(super) fn is_in(word: &str, list: &str) -> bool {
    list.split(' ').any(|of| of == word)
}

/// Whether one of the words is one of the list, or one of it with an id's word behind it, as in `customerid`.
pub(super) fn has_word_or_its_id(words: &[String], list: &str) -> bool {
    let is_compound = |word: &String| {
        let mut rests = list.split(' ').filter_map(|of| word.strip_prefix(of));
        rests.any(|rest| is_in(rest, ID))
    };
    has_word(words, list) || words.iter().any(is_compound)
}

/// A 64-bit hash of a text that is the same everywhere; 0 is kept for what is missing.
pub(super) fn hash(text: &str) -> u64 {
    mix(CategoryId::of(text).number()).max(1)
}

/// Spreads the bits of a number (the finaliser of MurmurHash3).
pub(super) fn mix(number: u64) -> u64 {
    let mixed = (number ^ (number >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_whatever_their_convention() {
        for (name, expected) in [
            ("Customer ID", "customer id"),
            ("CustomerID", "customer id"),
            ("order_purchase_timestamp", "order purchase timestamp"),
            ("case:AMOUNT_REQ", "case amount req"),
            ("InvoiceNo", "invoice no"),
            ("Attività", "attivita"),
            ("Kündigung", "kundigung"),
            ("A_CANCELLED", "a cancelled"),
        ] {
            assert_eq!(words(name).join(" "), expected);
        }
        assert_eq!(snake("Unit Price"), "unit_price");
        assert_eq!(snake("2nd visit"), "c2nd_visit");
        assert_eq!(snake("日付"), "column");
    }

    #[test]
    fn an_id_may_be_written_in_one_word() {
        assert!(has_word_or_its_id(&words("customerid"), CUSTOMERS[0].0));
        assert!(has_word_or_its_id(&words("kundennummer"), CUSTOMERS[0].0));
        assert!(!has_word_or_its_id(&words("customersegment"), CUSTOMERS[0].0));
    }
}
