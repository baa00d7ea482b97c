"""The organisers' desk: a territory, its moderation, its board, its slots, its venues, its people."""

from __future__ import annotations

from django.urls import URLPattern, path

from events.views import (
    organiser,
    organiser_ballots,
    organiser_board,
    organiser_bulk,
    organiser_moderation,
    organiser_occupation,
    organiser_openings,
    organiser_partners,
    organiser_people,
    organiser_release,
    organiser_requests,
    organiser_reserves,
    organiser_rooms,
    organiser_slots,
    organiser_timetable,
    organiser_venues,
    organiser_work,
)

HERE = "organisation/<slug:territory>/"
VENUE = f"{HERE}lieux/<slug:venue>/"
ROOM = f"{VENUE}salles/<int:pk>/"
BALLOT = f"{HERE}tirages/<slug:slug>/"
SLOT = f"{HERE}creneaux/<int:pk>/"
HOOK = f"{HERE}partenaires/webhooks/<int:pk>/"
REVIEW = f"{HERE}moderation/<int:pk>/"

urlpatterns: list[URLPattern] = [
    path("organisation/salles/rejoindre/<str:token>/", organiser_rooms.room_join, name="room_join"),
    path("organisation/", organiser.desk, name="organiser_desk"),
    path(HERE, organiser.overview, name="organiser_territory"),
    path(f"{HERE}moderation/", organiser_moderation.queue, name="organiser_moderation"),
    path(REVIEW, organiser_moderation.review, name="organiser_review"),
    path(f"{REVIEW}decision/", organiser_moderation.decide, name="organiser_decide"),
    path(f"{HERE}salles/", organiser_board.board, name="organiser_board"),
    path(f"{HERE}horaire/", organiser_timetable.timetable, name="organiser_timetable"),
    path(f"{HERE}horaire/etat.json", organiser_timetable.timetable_state, name="organiser_timetable_state"),
    path(f"{HERE}horaire/changer/", organiser_timetable.timetable_change, name="organiser_timetable_change"),
    path(f"{HERE}horaire/<int:pk>/", organiser_timetable.timetable_slot, name="organiser_timetable_slot"),
    path(f"{HERE}publication/", organiser_release.review, name="organiser_release"),
    path(f"{HERE}versions/", organiser_release.releases, name="organiser_releases"),
    path(f"{HERE}versions/<int:number>/", organiser_release.release, name="organiser_release_seen"),
    path(f"{HERE}creneaux/", organiser_slots.slots, name="organiser_slots"),
    path(f"{HERE}inscriptions.csv", organiser_slots.territory_csv, name="organiser_csv"),
    path(SLOT, organiser_slots.slot, name="organiser_slot"),
    path(f"{SLOT}inscriptions.csv", organiser_slots.slot_csv, name="organiser_slot_csv"),
    path(f"{SLOT}places/", organiser_slots.capacity, name="organiser_slot_capacity"),
    path(f"{SLOT}reserves/", organiser_reserves.pools, name="organiser_slot_pools"),
    path(f"{SLOT}surreservation/", organiser_reserves.overbook, name="organiser_slot_overbook"),
    path(f"{SLOT}deplacer/", organiser_slots.move, name="organiser_slot_move"),
    path(f"{SLOT}sans-salle/", organiser_slots.unplace, name="organiser_slot_unplace"),
    path(f"{SLOT}retirer/", organiser_slots.withdraw, name="organiser_slot_withdraw"),
    path(
        f"{SLOT}inscriptions/<str:reference>/rendre/",
        organiser_slots.cancel,
        name="organiser_registration_cancel",
    ),
    path(f"{HERE}lieux/", organiser_venues.venues, name="organiser_venues"),
    path(f"{HERE}lieux/nouveau/", organiser_venues.venue_new, name="organiser_venue_new"),
    path(VENUE, organiser_venues.venue, name="organiser_venue"),
    path(f"{VENUE}modifier/", organiser_venues.venue_edit, name="organiser_venue_edit"),
    path(f"{VENUE}jours/", organiser_venues.days_add, name="organiser_days"),
    path(f"{VENUE}jours/<int:pk>/retirer/", organiser_venues.days_drop, name="organiser_days_drop"),
    path(f"{VENUE}salles/nouvelle/", organiser_rooms.room_new, name="organiser_room_new"),
    path(ROOM, organiser_rooms.room, name="organiser_room"),
    path(f"{ROOM}modifier/", organiser_rooms.room_edit, name="organiser_room_edit"),
    path(f"{ROOM}blocages/", organiser_rooms.room_block, name="organiser_room_block"),
    path(f"{ROOM}responsables/", organiser_rooms.manager_add, name="organiser_room_manager"),
    path(
        f"{ROOM}responsables/<int:manager>/retirer/",
        organiser_rooms.manager_remove,
        name="organiser_room_manager_remove",
    ),
    path(f"{ROOM}agenda/", organiser_rooms.calendar_renew, name="organiser_room_calendar"),
    path(f"{VENUE}blocages/", organiser_venues.block, name="organiser_block"),
    path(f"{HERE}changements/", organiser_bulk.bulk, name="organiser_bulk"),
    path(f"{HERE}changements/apercu/", organiser_bulk.bulk_preview, name="organiser_bulk_preview"),
    path(f"{HERE}travaux/", organiser_work.jobs, name="organiser_jobs"),
    path(f"{HERE}travaux/<int:pk>/", organiser_work.job, name="organiser_job"),
    path(f"{HERE}travaux/<int:pk>/rapport.csv", organiser_bulk.bulk_csv, name="organiser_bulk_csv"),
    path(f"{HERE}travaux/<int:pk>/arreter/", organiser_work.job_stop, name="organiser_job_stop"),
    path(f"{VENUE}blocages/<int:pk>/lever/", organiser_rooms.unblock, name="organiser_unblock"),
    path(f"{HERE}demandes/", organiser_requests.requests, name="organiser_requests"),
    path(f"{HERE}demandes/<int:pk>/reponse/", organiser_requests.answer, name="organiser_request_answer"),
    path(f"{HERE}occupation/", organiser_occupation.occupation, name="organiser_occupation"),
    path(f"{HERE}occupation.csv", organiser_occupation.occupation_csv, name="organiser_occupation_csv"),
    path(f"{HERE}partenaires/", organiser_partners.partners, name="organiser_partners"),
    path(f"{HERE}partenaires/cles/", organiser_partners.token_new, name="organiser_token_new"),
    path(
        f"{HERE}partenaires/cles/<int:pk>/retirer/",
        organiser_partners.token_revoke,
        name="organiser_token_revoke",
    ),
    path(
        f"{HERE}partenaires/webhooks/nouveau/", organiser_partners.webhook_new, name="organiser_webhook_new"
    ),
    path(HOOK, organiser_partners.webhook, name="organiser_webhook"),
    path(f"{HOOK}modifier/", organiser_partners.webhook_edit, name="organiser_webhook_edit"),
    path(f"{HOOK}pause/", organiser_partners.webhook_pause, name="organiser_webhook_pause"),
    path(f"{HOOK}essai/", organiser_partners.webhook_try, name="organiser_webhook_try"),
    path(f"{HOOK}supprimer/", organiser_partners.webhook_delete, name="organiser_webhook_delete"),
    path(
        f"{HOOK}envois/<int:delivery>/renvoyer/",
        organiser_partners.delivery_again,
        name="organiser_delivery_again",
    ),
    path(f"{HERE}ouvertures/", organiser_openings.openings, name="organiser_openings"),
    path(
        f"{HERE}ouvertures/<int:pk>/retirer/",
        organiser_openings.opening_drop,
        name="organiser_opening_drop",
    ),
    path(f"{HERE}regles/", organiser_openings.rules, name="organiser_rules"),
    path(f"{HERE}regles/emploi-du-temps/", organiser_openings.levels, name="organiser_levels"),
    path(f"{HERE}tirages/", organiser_ballots.ballots, name="organiser_ballots"),
    path(f"{HERE}tirages/nouveau/", organiser_ballots.ballot_new, name="organiser_ballot_new"),
    path(BALLOT, organiser_ballots.ballot, name="organiser_ballot"),
    path(f"{BALLOT}modifier/", organiser_ballots.ballot_edit, name="organiser_ballot_edit"),
    path(f"{BALLOT}activites/", organiser_ballots.ballot_attach, name="organiser_ballot_attach"),
    path(f"{BALLOT}tirer/", organiser_ballots.ballot_draw, name="organiser_ballot_draw"),
    path(f"{HERE}hotes/", organiser_people.hosts, name="organiser_hosts"),
    path(f"{HERE}messages/", organiser_people.mails, name="organiser_messages"),
    path(f"{HERE}equipe/", organiser_people.team, name="organiser_team"),
    path(f"{HERE}equipe/<int:pk>/retirer/", organiser_people.team_remove, name="organiser_team_remove"),
]
