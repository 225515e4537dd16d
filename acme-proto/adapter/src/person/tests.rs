use super::*;

/// A person who reads everything, and answers as long as someone is there.
#[derive(Default)]
struct Reader {
    is_away: bool,
    has_ended: bool,
    questions: Mutex<Vec<String>>,
    shown: Mutex<Vec<String>>,
}

impl Person for Reader {
    fn is_there(&self) -> Result<(), PersonError> {
        if self.is_away { Err(PersonError::NoTerminal) } else { Ok(()) }
    }

    fn ask(&self, question: &str, wanted: &dyn Fn() -> bool) -> Result<String, PersonError> {
        locked(&self.questions).push(question.to_owned());
        if self.has_ended {
            return Err(PersonError::Closed);
        }
        if wanted() { Ok(String::new()) } else { Err(PersonError::NotWanted) }
    }

    fn show(&self, text: &str, _: &dyn Fn() -> bool) {
        locked(&self.shown).push(text.to_owned());
    }
}

fn challenge(number: u32, kind: &str) -> Challenge {
    let json = serde_json::json!({
        "authorization": format!("https://ca.example/authz/{number}"),
        "url": format!("https://ca.example/chall/{number}"),
        "identifier": { "type": "dns", "value": "a.test" },
        "kind": kind,
        "token": format!("tokentokentokentokentoken{number}"),
        "thumbprint": "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ",
    });
    serde_json::from_value(json).expect("a challenge")
}

#[test]
fn one_question_shows_all_records_and_each_is_named_again_for_removal() {
    let solver = AskPerson::with(Reader::default());
    let both = [challenge(1, "dns-01"), challenge(2, "dns-01")];
    for one in &both {
        solver.present(one).expect("someone is there");
        // A resumed order presents again.
        solver.clone().present(one).expect("someone is there");
    }
    for one in &both {
        solver.wait(one, &|| true).expect("an answer");
    }
    let questions = locked(&solver.person.questions).clone();
    assert_eq!(questions.len(), 1, "{questions:?}");
    assert!(questions[0].starts_with("Add these 2 records to the zone:\n"), "{questions:?}");
    for one in &both {
        let record = one.txt_record().expect("dns-01");
        let line = format!("  {}. TXT \"{}\"", record.name, record.value);
        assert_eq!(questions[0].matches(&line).count(), 1, "{questions:?}");
        solver.clean_up(one, &|| true).expect("dns-01");
        assert!(locked(&solver.person.shown).pop().expect("it is shown").ends_with(&line));
    }
}

#[test]
fn what_was_never_shown_is_not_asked_to_be_removed() {
    let solver = AskPerson::with(Reader::default());
    solver.present(&challenge(1, "dns-01")).expect("someone is there");
    solver.clean_up(&challenge(1, "dns-01"), &|| true).expect("dns-01");
    assert!(locked(&solver.person.shown).is_empty());
    // An earlier process may have shown this one.
    solver.clean_up(&challenge(2, "dns-01"), &|| true).expect("dns-01");
    assert_eq!(locked(&solver.person.shown).len(), 1);
}

#[test]
fn a_question_that_was_taken_back_confirms_nothing() {
    let solver = AskPerson::with(Reader::default());
    let one = challenge(1, "dns-01");
    solver.present(&one).expect("someone is there");
    let asked = core::cell::Cell::new(0);
    let once = || asked.replace(asked.get() + 1) == 0;
    let error = solver.wait(&one, &once).expect_err("it is not wanted");
    assert!(error.to_string().contains("nobody answered"), "{error}");
    solver.wait(&one, &|| true).expect("an answer");
    assert_eq!(locked(&solver.person.questions).len(), 2);
    // It may have been added at the first question.
    solver.clean_up(&one, &|| true).expect("dns-01");
    assert_eq!(locked(&solver.person.shown).len(), 1);
}

#[test]
fn a_record_that_is_cleaned_up_while_the_question_is_open_is_asked_for_again() {
    let solver = AskPerson::with(Reader::default());
    let one = challenge(1, "dns-01");
    solver.present(&one).expect("someone is there");
    let within_the_question = || {
        if !locked(&solver.person.questions).is_empty() {
            solver.clean_up(&one, &|| false).expect("dns-01");
        }
        true
    };
    solver.wait(&one, &within_the_question).expect("an answer");
    solver.present(&one).expect("someone is there");
    solver.wait(&one, &|| true).expect("an answer");
    assert_eq!(locked(&solver.person.questions).len(), 2);
}

#[test]
fn the_end_of_the_input_is_met_once_for_all_records_of_a_question() {
    let solver = AskPerson::with(Reader { has_ended: true, ..Reader::default() });
    let both = [challenge(1, "dns-01"), challenge(2, "dns-01")];
    for expected in 1..3 {
        for one in &both {
            solver.present(one).expect("someone was there");
        }
        for one in &both {
            let error = solver.wait(one, &|| true).expect_err("nobody answers");
            assert!(error.to_string().contains("the input has ended"), "{error}");
        }
        // An order that is resumed asks again.
        assert_eq!(locked(&solver.person.questions).len(), expected);
    }
}

#[test]
fn nobody_is_asked_where_nobody_is() {
    let solver = AskPerson::with(Reader { is_away: true, ..Reader::default() });
    let error = solver.present(&challenge(1, "dns-01")).expect_err("nobody is there");
    assert!(error.to_string().contains("publish by a program"), "{error}");
    let error = AskPerson::new().present(&challenge(1, "http-01")).expect_err("another kind");
    assert!(error.to_string().contains("TXT"), "{error}");
}
