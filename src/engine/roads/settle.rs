//! What goes to and fro between those who ask and the roads, until nothing moves any more.
//!
//! Part of [`Roads`], apart because its orders and inputs all end here. Its input is what the roads say.

use super::news::{Heard, News};
use super::road::Said;
use super::{Errand, Roads};
use crate::bmc::dialogue::Step;
use crate::bmc::failure::Failure;
use crate::bmc::link::{Checked, Status, Ticket, Urgency};
use crate::heartbeat::Question;
use crate::now::Now;
use crate::wire::ipmi::{Request, Response};
use crate::words::ServerId;
use core::time::Duration;

impl Roads {
    /// Carries answers to those who asked and questions to the links until nothing moves any more. Every
    /// round answers or asks something, and a conversation that was answered at once waits before it asks
    /// again, so this ends.
    pub(super) fn settle(&mut self, now: Now) {
        loop {
            let moved = self.collect(now) | self.proceed(now) | self.open(now);
            if !moved {
                return;
            }
        }
    }

    /// Opens what is still to be opened, as far as it may be now; whether there was anything.
    fn open(&mut self, now: Now) -> bool {
        let mut moved = false;
        while let Some(server) = self.openings.poll(now.boottime) {
            if let Some(road) = self.road(server) {
                road.begin(now);
            }
            moved = true;
        }
        moved
    }

    /// Takes the output of every road that was touched.
    fn collect(&mut self, now: Now) -> bool {
        let mut answers = Vec::new();
        while let Some(place) = self.places.poll_touched() {
            let server = place.server;
            while let Some(said) = place.road.poll_output() {
                match said {
                    Said::Send(bytes) => self.sends.push_back((place.address, bytes)),
                    Said::Answer(ticket, result) => answers.push((ticket, result)),
                    Said::Order(order) => self.orders.push_back(order),
                    Said::Remark(remark) => self.news.push_back(News::Remark(server, remark)),
                    Said::Changed => {
                        if !matches!(place.road.status(), Some(Status::Opening)) {
                            self.openings.over(server);
                        }
                        self.news.push_back(News::Link(server));
                    }
                    Said::Ping(alive) => {
                        let result = if alive { Ok(Response::ok([])) } else { Err(Failure::Silent) };
                        let question = Question::Ping;
                        self.news.push_back(News::Heard(Heard { server, question, result, proven: false }));
                    }
                }
            }
            self.places.rest(server);
        }
        let moved = !answers.is_empty();
        for (Ticket(ticket), result) in answers {
            match self.errands.remove(&ticket) {
                Some(Errand::Heartbeat(server, question)) => {
                    let proven = matches!(self.status(server), Some(Status::Up { identity: Checked::Matched, .. }));
                    self.news.push_back(News::Heard(Heard { server, question, result, proven }));
                }
                Some(Errand::Pulse) => self.news.push_back(News::Fed(result)),
                Some(Errand::Conversation(id)) => self.answer(now, id, result),
                Some(Errand::KeepAlive) => self.news.push_back(News::KeptAlive(result)),
                Some(Errand::Nobody) | None => {}
            }
        }
        moved
    }

    fn answer(&mut self, now: Now, id: u64, result: Result<Response, Failure>) {
        if let Some(conversation) = self.conversations.iter_mut().find(|conversation| conversation.id == id) {
            conversation.asked = None;
            conversation.wake = None;
            conversation.talk.handle_answer(now, result);
        }
    }

    /// Lets every conversation that waits for nobody take its next step. An owner says one thing at a
    /// time, in order: the BMC hears *started* before *ended*.
    fn proceed(&mut self, now: Now) -> bool {
        let mut moved = false;
        let mut place = 0;
        while place < self.conversations.len() {
            let owner = self.conversations[place].owner;
            if self.conversations[..place].iter().any(|earlier| earlier.owner == owner) {
                place += 1;
                continue;
            }
            let conversation = &mut self.conversations[place];
            if conversation.end.is_some_and(|end| end <= now.boottime) {
                self.news.extend(conversation.talk.cut(owner));
                self.conversations.remove(place);
                moved = true;
                continue;
            }
            if conversation.asked.is_some() || conversation.wake.is_some_and(|wake| wake > now.boottime) {
                place += 1;
                continue;
            }
            let (server, id, urgency) = (conversation.server, conversation.id, conversation.talk.urgency());
            match conversation.talk.poll(now, owner) {
                Step::Submit(request) => {
                    moved = true;
                    self.submit(now, (server, urgency), id, request);
                    place += 1;
                }
                Step::Wait(until) => {
                    conversation.wake = Some(until.unwrap_or(Duration::MAX));
                    place += 1;
                }
                Step::Over(news) => {
                    self.conversations.remove(place);
                    self.news.push_back(news);
                    moved = true; // the next one of its owner may go on
                }
            }
        }
        moved
    }

    fn submit(&mut self, now: Now, (server, urgency): (ServerId, Urgency), id: u64, request: Request) {
        let ticket = self.ticket(Errand::Conversation(id));
        if let Some(conversation) = self.conversations.iter_mut().find(|conversation| conversation.id == id) {
            conversation.asked = Some(ticket);
        }
        if !self.road(server).is_some_and(|road| road.submit(now, ticket, urgency, request)) {
            self.errands.remove(&ticket.0);
            self.answer(now, id, Err(Failure::NoLogin));
        }
    }
}
