//! Tables of valid and invalid values, numbering, and streams that are cut at every place.

use cleargate::{Chunk, Filter, json};

use super::*;

fn run(text: &str) -> Output {
    redact(Input { text: text.into(), labels: None }).unwrap()
}

const VALID: &[(Label, &str)] = &[
    (Label::Email, "ada.lovelace+x@mail.example"),
    (Label::Email, "jörg.müller@bücher.example"),
    (Label::Email, "ada%40mail.example"),
    (Label::Phone, "1-555-234-5678"),
    (Label::Phone, "+1 (555) 234-5678"),
    (Label::Phone, "+49 30 1234567"),
    (Label::Phone, "+33\u{202f}1\u{a0}23\u{a0}45\u{a0}67\u{a0}89"),
    (Label::Phone, "0044 20 7946 0958"),
    (Label::Phone, "(555) 234-5678"),
    (Label::Phone, "555-234-5678"),
    (Label::Phone, "030 12345678"),
    (Label::Iban, "DE89370400440532013000"),
    (Label::Iban, "GB82 WEST 1234 5698 7654 32"),
    (Label::Iban, "FR14\u{a0}2004\u{a0}1010\u{a0}0505\u{a0}0001\u{a0}3M02\u{a0}606"),
    (Label::Iban, "KZ86125KZT5004100100"),
    (Label::Iban, "LC14BOSL123456789012345678901234"),
    (Label::Card, "4111\u{2011}1111\u{2011}1111\u{2011}1111"),
    (Label::Card, "\u{ff14}111111111111111"),
    (Label::Card, "30569309025904"),
    (Label::Card, "6759649826438453"),
    (Label::Card, "2223003122003222"),
    (Label::Card, "4111 1111 1111 1111"),
    (Label::Card, "378282246310005"),
    (Label::Card, "5555-5555-5555-4444"),
    (Label::Ip, "192.168.17.4"),
    (Label::Ip, "2001:db8::ff00:42:8329"),
    (Label::Ip, "::1"),
    (Label::UsSsn, "078-05-1120"),
    (Label::UkNino, "AB 12 34 56 C"),
    (Label::DeSteuerId, "86095742719"),
    (Label::FrNir, "2 55 08 14 168 025 38"),
    (Label::EsDni, "12345678Z"),
    (Label::EsDni, "X1234567L"),
    (Label::ItCodiceFiscale, "RSSMRA85T10A562S"),
    (Label::NlBsn, "111222333"),
    (Label::PlPesel, "44051401359"),
];

#[test]
fn valid_values_are_replaced_and_the_rest_stays() {
    for (label, value) in VALID {
        for (before, after) in [
            ("", ""),
            ("it is ", "."),
            ("é(", ")"),
            ("<", ">, or"),
            ("a=", "\n"),
            ("\u{201c}", "\u{201d}"),
            ("n\u{b0}\u{a0}", "\u{2026}"),
            ("\u{90ae}\u{7bb1}", "\u{3002}"),
            ("\u{2014}", "\u{2014}"),
        ] {
            let out = run(&format!("{before}{value}{after}"));
            let name = label.name().to_uppercase();
            assert_eq!(out.text, format!("{before}<{name}_1>{after}"), "{value}");
            assert_eq!(out.counts, BTreeMap::from([(*label, 1)]), "{value}");
        }
    }
}

#[test]
fn wrong_check_digits_and_other_shapes_pass() {
    for text in [
        "DE89370400440532013001",
        "GB82 WEST 1234 5698 7654 33",
        "4111 1111 1111 1112",
        "192.168.17.256",
        "12345678A",
        "X1234567M",
        "RSSMRA85T10A562T",
        "111222334",
        "44051401358",
        "86095742718",
        "255081416802539",
        "000-05-1120",
        "666-05-1120",
        "900-05-1120",
        "078-00-1120",
        "078-05-0000",
        "QQ123456C",
        "BG123456A",
        "AB123456E",
        "4444444444444444",
        "2000000000000007",
        "4000000000000",
        "593847561029384",
        "ada@localhost",
        "@mail.example",
        "ada@.example",
        "2026-11-21 05:30:00",
        "21.11.2026",
        "version 1.2.3",
        "std::fs::File",
        "12:30:45",
        "1,234,567",
        "order 1234567",
        "x4111111111111111",
        "41111111111111110000000",
    ] {
        let out = run(text);
        assert_eq!((out.text.as_str(), out.counts.len()), (text, 0));
    }
}

#[test]
fn the_same_value_has_the_same_label() {
    let out =
        run("a@x.example, B@x.example, A@X.example; 4111111111111111 and 4111-1111-1111-1111");
    assert_eq!(out.text, "<EMAIL_1>, <EMAIL_2>, <EMAIL_1>; <CARD_1> and <CARD_1>");
    assert_eq!(out.counts, BTreeMap::from([(Label::Email, 3), (Label::Card, 2)]));
    // In an address a dash makes another person.
    let out = run("a-b@x.example, ab@x.example; 030 1234 5678, 030/1234.5678");
    assert_eq!(out.text, "<EMAIL_1>, <EMAIL_2>; <PHONE_1>, <PHONE_1>");
}

#[test]
fn labels_of_earlier_calls_stay_theirs() {
    assert_eq!(run("<EMAIL_4> wrote to a@x.example").text, "<EMAIL_4> wrote to <EMAIL_5>");
    let (request, response) = (json!({ "text": "<EMAIL_2>" }), json!(["a@x.example", 7]));
    let after = PiiRedactor::after(&Context::default(), request, response, Config::default());
    assert_eq!(after, Ok(json!(["<EMAIL_3>", 7])));
}

#[test]
fn only_the_labels_that_are_asked_for_are_replaced() {
    let config: Config = serde_json::from_value(json!({ "labels": ["email"] })).unwrap();
    let request = json!({ "a": ["x@y.example 192.168.0.1"], "b": "data:image/png;base64,AAAA", "c": "data: x@y.example" });
    let out = PiiRedactor::before(&Context::default(), request, config).unwrap();
    assert_eq!(
        out,
        json!({ "a": ["<EMAIL_1> 192.168.0.1"], "b": "data:image/png;base64,AAAA", "c": "data: <EMAIL_1>" })
    );
    for wrong in [json!({ "labels": ["mail"] }), json!({ "label": [] })] {
        assert!(serde_json::from_value::<Config>(wrong).is_err());
    }
}

fn stream(chunks: &[&str]) -> String {
    let mut carry = Carry::default();
    let mut all = String::new();
    for (i, text) in chunks.iter().enumerate() {
        let stored = serde_json::to_string(&carry).unwrap();
        let carry_in = serde_json::from_str(&stored).unwrap();
        let chunk = Chunk { text: text.to_string(), carry: carry_in, last: i + 1 == chunks.len() };
        let out = PiiRedactor::on_chunk(&Context::default(), chunk, Config::default()).unwrap();
        all += &out.text;
        carry = out.carry;
    }
    all
}

#[test]
fn a_stream_cut_anywhere_gives_the_same_text() {
    for (_, value) in VALID {
        let text = format!("So it is {value}, and é {value} again");
        let whole = run(&text).text;
        for cut in (0..=text.len()).filter(|i| text.is_char_boundary(*i)) {
            assert_eq!(stream(&[&text[..cut], &text[cut..]]), whole, "{value} at {cut}");
        }
        let single: Vec<String> = text.chars().map(String::from).collect();
        let single: Vec<&str> = single.iter().map(String::as_str).collect();
        assert_eq!(stream(&single), whole, "{value}");
    }
}

#[test]
fn text_without_values_flows_and_what_is_held_is_bounded() {
    let first = |text: &str| {
        let chunk = Chunk { text: text.into(), carry: Carry::default(), last: false };
        PiiRedactor::on_chunk(&Context::default(), chunk, Config::default()).unwrap().text
    };
    assert_eq!(first("Good morning everybody, wel"), "Good morning everybody, ");
    let long = "a".repeat(5000);
    assert_eq!(first(&long).len(), 5000 - stream::MAX_HELD);
}

#[test]
fn tokens_lead_back_letter_by_letter() {
    use cleargate::testing::{Services, run};
    let texts = [
        "[EMAIL_1] a@b.example [EMAIL_2] c@d.example [EMAIL_1",
        "\u{ff21}@b.example \u{1f980} [EMAIL_4294967296] x@y.example [[EMAIL_9]]",
        "a@b.example, A@B.example; +41 44 268 12 12 and 044 268 12 12",
        "DE89370400440532013000 DE89 3704 0044 0532 0130 00",
        "",
    ];
    let ctx = Context { run_id: "run".into(), ..Context::default() };
    let services =
        Services { kv: [("pii_tokens".into(), BTreeMap::new())].into(), ..Services::default() };
    run(services, || {
        let mut safe = Vec::new();
        for text in texts {
            let input = Input { text: text.into(), labels: None };
            let output = tokenize(&ctx, input.clone()).unwrap();
            assert_eq!(
                tokenize(&ctx, input).unwrap(),
                output,
                "a step that is repeated gives the same"
            );
            assert!(text.is_empty() || !output.counts.is_empty(), "{text}");
            safe.push(output.text);
        }
        for (text, safe) in texts.iter().zip(safe) {
            assert_eq!(restore(&ctx, Tokenized { text: safe }).unwrap().text, *text);
        }
        let other = Context { run_id: "other".into(), ..Context::default() };
        let output = restore(&other, Tokenized { text: "[EMAIL_3]".into() }).unwrap();
        assert_eq!((output.restored, output.unknown), (0, vec!["[EMAIL_3]".into()]));
    });
}
