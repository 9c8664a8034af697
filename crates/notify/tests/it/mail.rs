//! Mail: through servers that encrypt, refuse, put off, vanish, or are somebody else.

use std::sync::Arc;

use lettre::transport::smtp::authentication::Credentials;
use lotse_notify::channel::mail::{Encryption, Mail, Server};
use lotse_notify::courier::Tally;
use lotse_notify::model::State;
use lotse_notify::{Channel, Channels};
use lotse_store::on_both;

use crate::smtp::{Smtp, USER, When};
use crate::stage::{
    PARTS, all, clock, courier, courier_of, everything, happen, hasty, pass, proposed, send,
};

/// Mail to these people through this server.
fn mail(smtp: &Smtp, encryption: Encryption, to: &[&str]) -> Arc<dyn Channel> {
    mail_as(smtp, encryption, to, USER.1)
}

fn mail_as(smtp: &Smtp, encryption: Encryption, to: &[&str], password: &str) -> Arc<dyn Channel> {
    let server = Server {
        host: "localhost".to_owned(),
        port: smtp.port,
        encryption,
        authority: Some(smtp.authority.clone()),
        credentials: Some(Credentials::new(USER.0.to_owned(), password.to_owned())),
    };
    channel(server, to)
}

fn channel(server: Server, to: &[&str]) -> Arc<dyn Channel> {
    let from = "Lotse <lotse@cloud.example>".parse().unwrap();
    let to = to.iter().map(|address| address.parse().unwrap()).collect();
    Arc::new(Mail::new(server, from, to).unwrap())
}

const OPS: &[&str] = &["Ops <ops@cloud.example>"];
const SENT: Tally = Tally { events: 0, sent: 1, put_off: 0, dead: 0 };
const PUT_OFF: Tally = Tally { events: 0, sent: 0, put_off: 1, dead: 0 };

on_both! { PARTS;
    async fn a_mail_goes_encrypted_to_everybody_alone(store) {
        let (clock, mut smtp) = (clock(), Smtp::start(When::OnRequest).await);
        let to = ["Ops <ops@cloud.example>", "ada@cloud.example"];
        let courier = courier(&store, &clock, mail(&smtp, Encryption::Starttls, &to));
        happen(&store, &courier, &[proposed("prod")]).await;
        assert_eq!(send(&courier).await.sent, 2);
        let mut mails = [smtp.mail().await, smtp.mail().await];
        mails.sort_by(|a, b| a.to.cmp(&b.to));
        for (mail, address) in mails.iter().zip(["ada@cloud.example", "ops@cloud.example"]) {
            assert!(mail.encrypted);
            assert_eq!(mail.user.as_deref(), Some("lotse"));
            assert_eq!(mail.from, "lotse@cloud.example");
            assert_eq!(mail.to, [address]);
            assert_eq!(mail.field("From"), "\"Lotse\" <lotse@cloud.example>");
            assert_eq!(mail.field("Subject"), "[Lotse] prod: 3 changes of images to approve");
        }
        assert_eq!(mails[1].field("To"), "\"Ops\" <ops@cloud.example>");
        assert_ne!(mails[0].field("Message-ID"), mails[1].field("Message-ID"));
        let said = all(&courier, State::Sent).await[0].said.clone().unwrap();
        assert!(said.contains("kept as 4711"), "{said}");
    }

    async fn a_mail_goes_encrypted_from_the_first_byte(store) {
        let (clock, mut smtp) = (clock(), Smtp::start(When::AtOnce).await);
        let courier = courier(&store, &clock, mail(&smtp, Encryption::Implicit, OPS));
        happen(&store, &courier, &[proposed("prod")]).await;
        assert_eq!(send(&courier).await, SENT);
        assert!(smtp.mail().await.encrypted);
    }

    async fn a_server_on_this_host_may_take_mail_in_the_clear(store) {
        let (clock, mut smtp) = (clock(), Smtp::start(When::Never).await);
        let server = Server {
            host: "127.0.0.1".to_owned(),
            port: smtp.port,
            encryption: Encryption::None,
            authority: None,
            credentials: None,
        };
        let courier = courier(&store, &clock, channel(server, OPS));
        happen(&store, &courier, &[proposed("prod")]).await;
        assert_eq!(send(&courier).await, SENT);
        let mail = smtp.mail().await;
        assert_eq!((mail.encrypted, mail.user), (false, None));
    }

    async fn a_server_that_does_not_encrypt_gets_neither_password_nor_mail(store) {
        let (clock, mut smtp) = (clock(), Smtp::start(When::Never).await);
        let courier = courier(&store, &clock, mail(&smtp, Encryption::Starttls, OPS));
        happen(&store, &courier, &[proposed("prod")]).await;
        assert_eq!(send(&courier).await, PUT_OFF);
        assert!(!smtp.has_seen_a_password());
        assert!(smtp.mails.try_recv().is_err());
    }

    async fn a_server_with_the_certificate_of_another_gets_nothing(store) {
        let (clock, mut smtp) = (clock(), Smtp::start(When::OnRequest).await);
        let other = Smtp::start(When::OnRequest).await;
        // What the configuration says to trust is somebody else.
        smtp.authority.clone_from(&other.authority);
        let channel = mail(&smtp, Encryption::Starttls, OPS);
        let courier = courier(&store, &clock, channel);
        happen(&store, &courier, &[proposed("prod")]).await;
        assert_eq!(send(&courier).await, PUT_OFF);
        assert!(!smtp.has_seen_a_password());
        assert!(smtp.mails.try_recv().is_err());
        let said = all(&courier, State::Waiting).await[0].said.clone().unwrap();
        assert!(said.to_lowercase().contains("certificate"), "{said}");
    }

    async fn a_wrong_password_is_not_the_fault_of_the_mail(store) {
        let (clock, mut smtp) = (clock(), Smtp::start(When::OnRequest).await);
        let channels = |password| {
            let channel = mail_as(&smtp, Encryption::Starttls, OPS, password);
            Channels::new(None, vec![everything(&["ops"])]).with("ops", channel)
        };
        let wrong = courier_of(&store, &clock, channels("swordfish"));
        let right = courier_of(&store, &clock, channels(USER.1));
        happen(&store, &wrong, &[proposed("prod")]).await;
        assert_eq!(send(&wrong).await, PUT_OFF);
        let said = all(&wrong, State::Waiting).await[0].said.clone().unwrap();
        assert!(said.contains("535") || said.contains("who are you?"), "{said}");
        assert!(!said.contains("swordfish"), "{said}");
        pass(&clock, 60);
        assert_eq!(send(&right).await, SENT, "once it is put right the mail goes out");
        smtp.mail().await;
    }

    async fn a_mail_that_is_put_off_is_sent_later_with_the_same_id(store) {
        let (clock, mut smtp) = (clock(), Smtp::start(When::OnRequest).await);
        let courier = courier(&store, &clock, mail(&smtp, Encryption::Starttls, OPS));
        smtp.will("RCPT", "450 4.2.0 greylisted, come back");
        smtp.will(".", "451 4.3.0 the disk is full");
        happen(&store, &courier, &[proposed("prod")]).await;
        assert_eq!(send(&courier).await, PUT_OFF);
        let said = all(&courier, State::Waiting).await[0].said.clone().unwrap();
        assert!(said.contains("greylisted"), "{said}");
        pass(&clock, 60);
        assert_eq!(send(&courier).await, PUT_OFF);
        let refused = smtp.mail().await;
        pass(&clock, 120);
        assert_eq!(send(&courier).await, SENT);
        assert_eq!(smtp.mail().await.field("Message-ID"), refused.field("Message-ID"));
    }

    async fn a_mail_that_is_refused_is_a_dead_letter_and_the_others_are_sent(store) {
        let (clock, mut smtp) = (clock(), Smtp::start(When::OnRequest).await);
        let to = ["gone@cloud.example", "here@cloud.example"];
        let courier = courier(&store, &clock, mail(&smtp, Encryption::Starttls, &to));
        smtp.will("RCPT", "550 5.1.1 nobody of that name");
        happen(&store, &courier, &[proposed("prod")]).await;
        let tally = send(&courier).await;
        assert_eq!((tally.sent, tally.dead), (1, 1));
        let taken = smtp.mail().await;
        let dead = &all(&courier, State::Dead).await[0];
        assert!(dead.said.as_ref().unwrap().contains("nobody of that name"), "{:?}", dead.said);
        assert_ne!(taken.to[0], dead.recipient);
        courier.revive(&dead.id.to_string()).await.unwrap();
        assert_eq!(send(&courier).await, SENT);
        let again = smtp.mail().await;
        assert_eq!(again.to[0], dead.recipient);
        assert!(again.field("Message-ID").contains(&dead.id.to_string()));
    }

    async fn a_mail_whose_confirmation_is_lost_comes_again_under_the_same_id(store) {
        let (clock, mut smtp) = (clock(), Smtp::start(When::OnRequest).await);
        let courier = courier(&store, &clock, mail(&smtp, Encryption::Starttls, OPS));
        smtp.will(".", "hang up");
        happen(&store, &courier, &[proposed("prod")]).await;
        assert_eq!(send(&courier).await, PUT_OFF);
        pass(&clock, 60);
        assert_eq!(send(&courier).await, SENT);
        let (first, second) = (smtp.mail().await, smtp.mail().await);
        assert_eq!(first.field("Message-ID"), second.field("Message-ID"));
    }

    async fn a_mail_that_was_taken_is_sent_whatever_the_good_bye(store) {
        let (clock, smtp) = (clock(), Smtp::start(When::OnRequest).await);
        let courier = courier(&store, &clock, mail(&smtp, Encryption::Starttls, OPS));
        smtp.will("QUIT", "hang up");
        happen(&store, &courier, &[proposed("prod")]).await;
        assert_eq!(send(&courier).await, SENT);
    }

    async fn a_server_that_speaks_another_language_is_put_off(store) {
        for (command, nonsense) in [
            ("hello", "HTTP/1.1 400 Bad Request"),
            ("hello", "421 4.3.2 not today"),
            ("hello", "hang up"),
            ("EHLO", "\u{fffd}\u{fffd}"),
            ("STARTTLS", "454 4.7.0 no key at hand"),
            ("MAIL", "25"),
            ("DATA", "999 ?"),
        ] {
            let (clock, smtp) = (clock(), Smtp::start(When::OnRequest).await);
            let channel = mail(&smtp, Encryption::Starttls, OPS);
            let channels = Channels::new(None, vec![everything(&["ops"])]).with("ops", channel);
            let courier = hasty(&store, &clock, channels);
            smtp.will(command, nonsense);
            happen(&store, &courier, &[proposed("prod")]).await;
            let tally = send(&courier).await;
            assert_eq!(tally, PUT_OFF, "{command}: {nonsense}");
            pass(&clock, 3600);
            assert_eq!(send(&courier).await, SENT, "{command}: {nonsense}");
        }
    }
}

#[test]
fn mail_in_the_clear_to_another_host_is_refused_at_the_start() {
    let server = Server {
        host: "mail.example.org".to_owned(),
        port: 25,
        encryption: Encryption::None,
        authority: None,
        credentials: None,
    };
    let from = "lotse@cloud.example".parse().unwrap();
    let error = Mail::new(server, from, vec!["ops@cloud.example".parse().unwrap()]).unwrap_err();
    assert!(error.contains("mail.example.org"), "{error}");
}
