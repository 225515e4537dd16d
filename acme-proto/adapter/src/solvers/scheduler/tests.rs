use super::*;

fn challenge(name: &str, number: u32) -> Challenge {
    let json = serde_json::json!({
        "authorization": format!("https://ca.example/authz/{number}"),
        "url": format!("https://ca.example/chall/{number}"),
        "identifier": { "type": "dns", "value": name },
        "kind": "dns-01",
        "token": "tokentokentokentokentoken",
        "thumbprint": "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ",
    });
    serde_json::from_value(json).expect("a challenge")
}

fn scheduler() -> (Scheduler, Wake) {
    let kinds = vec![vec![ChallengeKind::Dns01]];
    (Scheduler::new(kinds, &Arc::default()), Arc::new(|| ()))
}

fn calls(scheduler: &mut Scheduler) -> Vec<SolverCall> {
    core::iter::from_fn(|| scheduler.next_call()).collect()
}

fn end(scheduler: &mut Scheduler, call: SolverCall, result: Result<(), String>) -> Option<Verdict> {
    let id = call.id;
    if result.is_ok() {
        call.succeeded();
    }
    drop(call);
    let result = result.map(|()| ChallengeResponse::new().with_member("csr", "AA"));
    scheduler.finished(id, result, |_| true)
}

#[test]
fn calls_for_one_record_follow_each_other_and_others_run_beside_them() {
    let (mut scheduler, wake) = scheduler();
    for (number, name) in ["a.test", "a.test", "b.test"].into_iter().enumerate() {
        scheduler.present(challenge(name, number as u32), &wake).expect("a solver");
    }
    let mut running = calls(&mut scheduler);
    let urls: Vec<&str> = running.iter().map(|call| call.challenge.url().as_str()).collect();
    assert_eq!(urls, ["https://ca.example/chall/0", "https://ca.example/chall/2"]);
    assert!(scheduler.has_queued());
    let published = Some(Verdict::Published(running[0].challenge.id()));
    assert_eq!(end(&mut scheduler, running.remove(0), Ok(())), published);
    let next = calls(&mut scheduler);
    assert_eq!(next.len(), 1);
    assert_eq!(next[0].challenge.url().as_str(), "https://ca.example/chall/1");
}

#[test]
fn a_challenge_without_a_record_waits_for_another_issuance_of_its_authorization() {
    let mut shared = serde_json::to_value(challenge("a.test", 0)).expect("JSON");
    shared["kind"] = "http-01".into();
    let shared: Challenge = serde_json::from_value(shared).expect("a challenge");
    let locks = Arc::default();
    let of = || Scheduler::new(vec![vec![ChallengeKind::Http01]], &locks);
    let (mut first, mut second) = (of(), of());
    let woken = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&woken);
    let wake: Wake = Arc::new(move || seen.store(true, Ordering::SeqCst));
    first.present(shared.clone(), &wake).expect("a solver");
    second.present(shared, &wake).expect("a solver");
    let running = calls(&mut first);
    assert!(calls(&mut second).is_empty() && second.has_queued() && !first.has_queued());
    drop(running);
    assert!(woken.load(Ordering::SeqCst));
    assert_eq!(calls(&mut second).len(), 1);
    assert!(!second.has_queued());
}

#[test]
fn no_more_than_the_limit_of_calls_run_at_once() {
    let (mut scheduler, wake) = scheduler();
    for number in 0..20 {
        let name = format!("n{number}.test");
        scheduler.present(challenge(&name, number), &wake).expect("a solver");
    }
    let mut running = calls(&mut scheduler);
    assert_eq!(running.len(), MAX_CALLS);
    end(&mut scheduler, running.remove(0), Ok(()));
    assert_eq!(calls(&mut scheduler).len(), 1);
}

#[test]
fn waiting_begins_after_the_last_present_and_is_not_counted() {
    let (mut scheduler, wake) = scheduler();
    for number in 0..20 {
        let name = format!("n{number}.test");
        scheduler.present(challenge(&name, number), &wake).expect("a solver");
    }
    let mut waits = Vec::new();
    while waits.is_empty() {
        for call in calls(&mut scheduler) {
            match call.stage {
                Stage::Present => {
                    let published = Some(Verdict::Published(call.challenge.id()));
                    assert_eq!(end(&mut scheduler, call, Ok(())), published);
                }
                _ => waits.push(call),
            }
        }
    }
    waits.extend(calls(&mut scheduler));
    assert!(waits.iter().all(|call| call.stage == Stage::Wait));
    assert_eq!(waits.len(), 20);
    let wait = waits.remove(0);
    let id = wait.challenge.id();
    let response = ChallengeResponse::new().with_member("csr", "AA");
    assert_eq!(end(&mut scheduler, wait, Ok(())), Some(Verdict::Ready(id, response)));
}

#[test]
fn a_challenge_is_cleaned_up_after_it_was_presented_and_its_end_is_not_reported() {
    let (mut scheduler, wake) = scheduler();
    let challenge = challenge("a.test", 0);
    scheduler.present(challenge.clone(), &wake).expect("a solver");
    let mut running = calls(&mut scheduler);
    scheduler.clean_up(challenge.clone(), &wake).expect("a solver");
    assert!(calls(&mut scheduler).is_empty());
    let present = running.remove(0).id;
    let published = Ok(ChallengeResponse::default());
    assert_eq!(scheduler.finished(present, published, |id| *id != challenge.id()), None);
    let clean_up = calls(&mut scheduler).remove(0);
    assert_eq!(clean_up.stage, Stage::CleanUp);
    let why = "the zone is locked".to_owned();
    let verdict = Some(Verdict::CleanFailed(challenge.id(), why.clone()));
    assert_eq!(end(&mut scheduler, clean_up, Err(why)), verdict);
}

#[test]
fn the_last_issuance_that_counts_on_a_challenge_takes_it_away() {
    let locks = Arc::default();
    let new = || Scheduler::new(vec![vec![ChallengeKind::Dns01]], &locks);
    let (mut first, mut second, mut third) = (new(), new(), new());
    let wake: Wake = Arc::new(|| ());
    let challenge = challenge("a.test", 0);
    let results = [Ok(()), Ok(()), Err("no".to_owned())];
    for (scheduler, result) in [&mut first, &mut second, &mut third].into_iter().zip(results) {
        scheduler.present(challenge.clone(), &wake).expect("a solver");
        let call = calls(scheduler).remove(0);
        end(scheduler, call, result);
    }
    let clean_up = |scheduler: &mut Scheduler| {
        scheduler.clean_up(challenge.clone(), &wake).expect("a solver");
        let call = calls(scheduler).remove(0);
        let is_shared = call.is_shared();
        end(scheduler, call, Ok(()));
        is_shared
    };
    assert!(clean_up(&mut first), "the second one counts on it");
    assert!(!clean_up(&mut second), "the third one could not publish it");
    // An issuance that is dropped counts on nothing any more.
    second.present(challenge.clone(), &wake).expect("a solver");
    let call = calls(&mut second).remove(0);
    end(&mut second, call, Ok(()));
    assert!(clean_up(&mut first));
    drop(second);
    assert!(!clean_up(&mut first));
}

#[test]
fn a_call_that_failed_counts_on_nothing_once_its_record_is_free() {
    let locks = Arc::default();
    let new = || Scheduler::new(vec![vec![ChallengeKind::Dns01]], &locks);
    let wake: Wake = Arc::new(|| ());
    let challenge = challenge("a.test", 0);
    for has_succeeded in [false, true] {
        let (mut first, mut second) = (new(), new());
        first.present(challenge.clone(), &wake).expect("a solver");
        let call = calls(&mut first).remove(0);
        end(&mut first, call, Ok(()));
        assert_eq!(calls(&mut first).remove(0).stage, Stage::Wait);
        second.present(challenge.clone(), &wake).expect("a solver");
        let call = calls(&mut second).remove(0);
        first.clean_up(challenge.clone(), &wake).expect("a solver");
        assert!(calls(&mut first).is_empty(), "it waits for the record");
        if has_succeeded {
            call.succeeded();
        }
        // The second flow has not heard of the end of its call yet.
        drop(call);
        assert_eq!(calls(&mut first).remove(0).is_shared(), has_succeeded);
    }
}

#[test]
fn once_stopped_nothing_is_presented_and_what_runs_is_asked_to_end() {
    let (mut scheduler, wake) = scheduler();
    let [first, second] = [challenge("a.test", 0), challenge("a.test", 1)];
    scheduler.present(first, &wake).expect("a solver");
    scheduler.present(second.clone(), &wake).expect("a solver");
    let running = calls(&mut scheduler);
    assert_eq!(scheduler.stop(), [second.id()]);
    assert!(running[0].context.stop.is_set() && !scheduler.has_queued());
    scheduler.clean_up(second, &wake).expect("a solver");
    drop(running);
    let clean_up = calls(&mut scheduler).remove(0);
    assert!(!clean_up.context.stop.is_set() && scheduler.stop().is_empty());
    drop(scheduler);
    assert!(clean_up.context.stop.is_set());
}

#[test]
fn a_solver_that_gathers_is_called_once_no_more_challenges_come() {
    let (scheduler, wake) = scheduler();
    let mut scheduler = scheduler.gathering(vec![true]);
    for (number, name) in ["a.test", "b.test"].into_iter().enumerate() {
        scheduler.present(challenge(name, number as u32), &wake).expect("a solver");
    }
    assert!(calls(&mut scheduler).is_empty() && scheduler.is_gathering());
    scheduler.gathered();
    assert!(!scheduler.is_gathering());
    let running = calls(&mut scheduler);
    let batches: Vec<_> =
        running.iter().map(|call| call.context.batch.clone().expect("a batch")).collect();
    assert_eq!(batches[0].names(), ["a.test", "b.test"]);
    assert!(Arc::ptr_eq(&batches[0], &batches[1]));
    assert_eq!((batches[0].take(), batches[1].take(), batches[0].take()), (1, 0, 0));
    // A clean-up waits for nothing.
    drop(running);
    scheduler.clean_up(challenge("c.test", 2), &wake).expect("a solver");
    assert_eq!(calls(&mut scheduler).len(), 1);
}

#[test]
fn without_a_solver_the_kind_is_named() {
    let mut scheduler = Scheduler::new(vec![vec![ChallengeKind::Http01]], &Arc::default());
    let wake: Wake = Arc::new(|| ());
    let error = scheduler.present(challenge("a.test", 0), &wake).expect_err("no solver");
    assert_eq!(error, "no solver was given for dns-01");
}
