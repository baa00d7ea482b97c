"""The host's desk, and the way there."""

from __future__ import annotations

from django.urls import URLPattern, path

from events.views import (
    desk,
    desk_mails,
    host,
    host_activities,
    host_greeters,
    host_people,
    host_rooms,
    host_slots,
)

ACTIVITY = "hote/<slug:slug>/activites/<number:pk>/"
SLOT = "hote/<slug:slug>/creneaux/<number:pk>/"
GREETERS = "hote/<slug:slug>/accueillants/"
PEOPLE = "hote/<slug:slug>/qui-vient/"

urlpatterns: list[URLPattern] = [
    path("bureau/", desk.desk, name="desk"),
    path("bureau/courriels/", desk_mails.desk_mails, name="desk_mails"),
    path("bureau/courriels/<text:token>/", desk_mails.desk_mails_off, name="desk_mails_off"),
    path("hote/", host.host_desk, name="host_desk"),
    path("hote/nouveau/", host.host_new, name="host_new"),
    path("hote/rejoindre/<text:token>/", host.host_join, name="host_join"),
    path("hote/<slug:slug>/", host.host_overview, name="host_overview"),
    path("hote/<slug:slug>/profil/", host.host_profile, name="host_profile"),
    path("hote/<slug:slug>/equipe/", host.host_members, name="host_members"),
    path("hote/<slug:slug>/equipe/<number:pk>/retirer/", host.host_member_remove, name="host_member_remove"),
    path("hote/<slug:slug>/activites/", host_activities.host_activities, name="host_activities"),
    path("hote/<slug:slug>/activites/nouvelle/", host_activities.host_activity_new, name="host_activity_new"),
    path(ACTIVITY, host_activities.host_activity, name="host_activity"),
    path(f"{ACTIVITY}modifier/", host_activities.host_activity_edit, name="host_activity_edit"),
    path(f"{ACTIVITY}soumettre/", host_activities.host_activity_submit, name="host_activity_submit"),
    path(f"{ACTIVITY}reprendre/", host_activities.host_activity_reopen, name="host_activity_reopen"),
    path(f"{ACTIVITY}annuler/", host_activities.host_activity_cancel, name="host_activity_cancel"),
    path(f"{ACTIVITY}supprimer/", host_activities.host_activity_delete, name="host_activity_delete"),
    path(f"{ACTIVITY}creneaux/", host_slots.host_slots_add, name="host_slots_add"),
    path(f"{SLOT}modifier/", host_slots.host_slot_edit, name="host_slot_edit"),
    path(f"{SLOT}places/", host_slots.host_slot_capacity, name="host_slot_capacity"),
    path(f"{SLOT}reserves/", host_slots.host_slot_pools, name="host_slot_pools"),
    path(f"{SLOT}salle/", host_rooms.host_room_ask, name="host_room_ask"),
    path(f"{SLOT}salle/<number:asked>/retirer/", host_rooms.host_room_withdraw, name="host_room_withdraw"),
    path(f"{SLOT}retirer/", host_slots.host_slot_withdraw, name="host_slot_withdraw"),
    path(f"{SLOT}retablir/", host_slots.host_slot_restore, name="host_slot_restore"),
    path(f"{SLOT}supprimer/", host_slots.host_slot_delete, name="host_slot_delete"),
    path(f"{SLOT}accueil/", host_greeters.host_slot_greeters, name="host_slot_greeters"),
    path(GREETERS, host_greeters.host_greeters, name="host_greeters"),
    path(f"{GREETERS}<number:pk>/", host_greeters.host_greeter, name="host_greeter"),
    path(f"{GREETERS}<number:pk>/retirer/", host_greeters.host_greeter_remove, name="host_greeter_remove"),
    path(f"{GREETERS}<number:pk>/absences/", host_greeters.host_absence_add, name="host_absence_add"),
    path(
        f"{GREETERS}<number:pk>/absences/<number:absence>/retirer/",
        host_greeters.host_absence_remove,
        name="host_absence_remove",
    ),
    path(PEOPLE, host_people.host_people, name="host_people"),
    path(f"{PEOPLE}inscriptions.csv", host_people.host_people_csv, name="host_people_csv"),
    path(f"{PEOPLE}<number:pk>/", host_people.host_slot, name="host_slot"),
    path(f"{PEOPLE}<number:pk>/emargement/", host_people.host_door_list, name="host_door_list"),
    path(f"{PEOPLE}<number:pk>/inscriptions.csv", host_people.host_slot_csv, name="host_slot_csv"),
]
