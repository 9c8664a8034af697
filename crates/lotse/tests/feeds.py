# Reads the feeds of a page as programs of subscribers do: feedparser and icalendar. Asked with the page's
# address and the entity tags of an earlier reading (or none), answers in JSON what was found.
import calendar
import json
import sys
import urllib.error
import urllib.request

import feedparser
import icalendar

asked = json.loads(sys.argv[1])
base, tags = asked["base"], asked["tags"]


def seconds(moment):
    return moment and calendar.timegm(moment)


def feed(path):
    found = feedparser.parse(base + path, etag=tags.get(path))
    return {
        "status": found.status,
        "tag": found.get("etag"),
        "trouble": str(found.bozo_exception) if found.bozo else None,
        "version": found.version,
        "id": found.feed.get("id"),
        "updated": found.feed.get("updated"),
        "entries": {
            entry.id: {
                "title": entry.title,
                "link": entry.link,
                "published": seconds(entry.published_parsed),
                "updated": entry.get("updated"),
                "updated_seconds": seconds(entry.get("updated_parsed")),
                "text": entry.content[0].value if "content" in entry else entry.summary,
            }
            for entry in found.entries
        },
    }


def events(path):
    request = urllib.request.Request(base + path)
    if path in tags:
        request.add_header("If-None-Match", tags[path])
    try:
        answer = urllib.request.urlopen(request)
    except urllib.error.HTTPError as refused:
        return {"status": refused.code}
    text = answer.read()
    found = icalendar.Calendar.from_ical(text)
    return {
        "status": answer.status,
        "tag": answer.headers["etag"],
        "longest": max(len(line) for line in text.split(b"\r\n")),
        "trouble": [str(error) for part in found.walk() for error in part.errors],
        "name": str(found["X-WR-CALNAME"]),
        "entries": {
            str(event["UID"]): {
                "title": str(event["SUMMARY"]),
                "link": str(event["URL"]),
                "sequence": int(event["SEQUENCE"]),
                "stamp": int(event["DTSTAMP"].dt.timestamp()),
                "start": event["DTSTART"].dt.isoformat(),
                "end": event["DTEND"].dt.isoformat(),
                "text": str(event["DESCRIPTION"]),
            }
            for event in found.walk("VEVENT")
        },
    }


json.dump(
    {
        "/feed.atom": feed("/feed.atom"),
        "/feed.rss": feed("/feed.rss"),
        "/calendar.ics": events("/calendar.ics"),
    },
    sys.stdout,
)
