//! Each kind with a number that holds and one that does not; streams cut at every place.

use super::*;
use cleargate::json;

fn redacted(text: &str) -> String {
    let input = RedactInput { content: json!(text), labels: BTreeSet::new() };
    redact(input).unwrap().content.as_str().unwrap().to_string()
}

#[test]
fn every_kind_is_replaced_when_its_check_holds() {
    for (text, expected) in [
        ("mail ada.l+x@mail.example.org.", "mail <EMAIL_1>."),
        ("a@b, @name, x@localhost", "a@b, @name, x@localhost"),
        ("IBAN DE89 3704 0044 0532 0130 00 AND more", "IBAN <IBAN_1> AND more"),
        ("IBAN DE89370400440532013000.", "IBAN <IBAN_1>."),
        ("IBAN DE88 3704 0044 0532 0130 00", "IBAN DE88 3704 0044 0532 0130 00"),
        ("GB82 WEST 1234 5698 7654 32", "<IBAN_1>"),
        ("card 4111 1111 1111 1111", "card <CARD_1>"),
        ("card 4111-1111-1111-1112", "card 4111-1111-1111-1112"),
        ("amex 378282246310005", "amex <CARD_1>"),
        ("call +49 30 901820 now", "call <PHONE_1> now"),
        ("call (555) 010-9999 or 030/901820", "call <PHONE_1> or <PHONE_2>"),
        ("from 203.0.113.7:8080 and 127.0.0.1", "from <IPV4_1>:8080 and 127.0.0.1"),
        ("version 1.2.3.4.5 and 300.1.1.1", "version 1.2.3.4.5 and 300.1.1.1"),
        ("at 2001:db8::8a2e:370:7334 and a::1", "at <IPV6_1> and a::1"),
        ("12:30:45 is a time", "12:30:45 is a time"),
        ("ssn 123-45-6789", "ssn <US_SSN_1>"),
        ("ssn 666-45-6789 or 000-12-3456", "ssn 666-45-6789 or 000-12-3456"),
        ("NI QQ 12 34 56 C, AB123456C", "NI QQ 12 34 56 C, <UK_NINO_1>"),
        ("id 86 095 742 719", "id <DE_TAX_ID_1>"),
        ("id 86095742718", "id 86095742718"),
        ("nir 2 55 08 14 168 025 38", "nir <FR_NIR_1>"),
        ("nir 255081416802539", "nir 255081416802539"),
        ("dni 12345678Z, nie X1234567L", "dni <ES_DNI_1>, nie <ES_NIE_1>"),
        ("dni 12345678A", "dni 12345678A"),
        ("cf RSSMRA85T10A562S", "cf <IT_CF_1>"),
        ("cf RSSMRA85T10A562T", "cf RSSMRA85T10A562T"),
        ("BSN: 111222333", "BSN: <NL_BSN_1>"),
        ("BSN: 111222334, and 111222333 alone", "BSN: 111222334, and 111222333 alone"),
        ("pesel 44051401359", "pesel <PL_PESEL_1>"),
        ("pesel 44051401358", "pesel 44051401358"),
        ("In 2024 we sold 1200 units on 12-05-2024.", "In 2024 we sold 1200 units on 12-05-2024."),
        ("", ""),
    ] {
        assert_eq!(redacted(text), expected);
    }
}

#[test]
fn the_same_text_keeps_its_number_and_places_are_counted() {
    let content = json!({
        "a@example.org": ["a@example.org", { "x": "b@example.org and A@EXAMPLE.ORG" }],
        "n": 4111111111111111_u64,
    });
    let output = redact(RedactInput { content, labels: BTreeSet::new() }).unwrap();
    assert_eq!(
        output.content,
        json!({
            "a@example.org": ["<EMAIL_1>", { "x": "<EMAIL_2> and <EMAIL_1>" }],
            "n": 4111111111111111_u64,
        })
    );
    assert_eq!(serde_json::to_value(output.counts).unwrap(), json!({ "EMAIL": 3 }));
}

#[test]
fn only_what_is_wanted_is_replaced() {
    let labels = BTreeSet::from([Label::Email]);
    let input = RedactInput { content: json!("a@example.org 123-45-6789"), labels };
    assert_eq!(redact(input).unwrap().content, json!("<EMAIL_1> 123-45-6789"));
    let unknown = json!({ "content": "", "labels": ["NAME"] });
    assert!(RedactInput::deserialize(unknown).is_err());
}

const TEXT: &str = "Hello, write to ada@example.org or, well, bob@example.org.\nPay to DE89 3704 0044 \
     0532 0130 00 from 4111 1111 1111 1111, BSN: 111222333 ünïcödé; AB 12 34 56 C calls +49 30 901820. \
     Again: ada@example.org, 2001:db8::8a2e:370:7334 x";

/// Text of a stream whose chunks end at the given places.
fn streamed(cuts: &[usize]) -> String {
    let mut carry = Value::Null;
    let mut out = String::new();
    let mut from = 0;
    for to in cuts.iter().copied().chain([TEXT.len()]) {
        let last = to == TEXT.len();
        let state: Option<stream::Carry> = serde_json::from_value(carry).unwrap();
        let chunk = Chunk { text: TEXT[from..to].into(), carry: state.unwrap_or_default(), last };
        let filtered =
            PiiRedactor::on_chunk(&Context::default(), chunk, Config::default()).unwrap();
        out.push_str(&filtered.text);
        carry = serde_json::to_value(filtered.carry).unwrap();
        from = to;
    }
    out
}

#[test]
fn a_stream_gives_the_same_text_however_it_is_cut() {
    let whole = redacted(TEXT);
    assert!(whole.contains("Again: <EMAIL_1>") && whole.contains("<UK_NINO_1> calls"), "{whole}");
    let places: Vec<usize> = (1..TEXT.len()).filter(|i| TEXT.is_char_boundary(*i)).collect();
    for place in &places {
        assert_eq!(streamed(&[*place]), whole, "cut at {place}");
    }
    assert_eq!(streamed(&places), whole, "one character at a time");
}

#[test]
fn a_stream_flows_and_holds_a_bounded_end() {
    let chunk = |text: &str| Chunk { text: text.into(), carry: Default::default(), last: false };
    let next = |text: &str| {
        PiiRedactor::on_chunk(&Context::default(), chunk(text), Config::default()).unwrap()
    };
    assert_eq!(next("Some words come and go, then ada").text, "Some words come and go, then ");
    let long = "x".repeat(10_000);
    assert_eq!(next(&long).text.len(), 10_000 - 512);
}

#[test]
fn requests_and_responses_are_filtered_and_nothing_else() {
    let request = json!({ "model": "a@example.org", "messages": [{ "content": "a@example.org" }] });
    let before =
        PiiRedactor::before(&Context::default(), request.clone(), Config::default()).unwrap();
    assert_eq!(before["messages"][0]["content"], "<EMAIL_1>");
    assert_eq!(before["model"], request["model"]);
    let response = json!({ "content": "b@example.org" });
    for (requests_only, expected) in [(false, "<EMAIL_1>"), (true, "b@example.org")] {
        let config = Config { requests_only, ..Config::default() };
        let after =
            PiiRedactor::after(&Context::default(), json!({}), response.clone(), config).unwrap();
        assert_eq!(after["content"], expected);
    }
}

#[test]
fn patterns_compile() {
    find::compile_all();
}
