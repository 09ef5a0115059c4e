// SPDX-License-Identifier: MIT
/* message.h - sends, receives and probes as operations. What fails here fails the call and not the communicator. */
#ifndef WEFT_P2P_MESSAGE_H
#define WEFT_P2P_MESSAGE_H

#include "p2p/mail.h"

/* Set up by the caller: data, count, type, name, rank and tag, checked. They block; */
weft_status weft_send_perform(weft_comm *comm, struct weft_sending *sending);
weft_status weft_receive_perform(weft_comm *comm, struct weft_receive *receive);
weft_status weft_exchange_perform(weft_comm *comm, struct weft_sending *sending, struct weft_receive *receive);
/* begin (stays: it is the request of the caller, which a wait will finish); */
weft_status weft_send_begin(weft_comm *comm, struct weft_sending *sending, bool stays);
weft_status weft_receive_begin(weft_comm *comm, struct weft_receive *receive, bool stays);
/* look once: WEFT_PENDING, or the message is described; */
weft_status weft_probe_once(weft_comm *comm, struct weft_receive *receive);
/* or take back: WEFT_PENDING where it is no receive, or has matched. */
weft_status weft_receive_cancel(struct weft_request *request);

#endif
