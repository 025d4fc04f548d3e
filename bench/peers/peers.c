#include "peer.h"

#ifdef LW_PEER_ONEDNN
extern const struct lw_peer lw_peer_onednn;
#endif

const struct lw_peer *const lw_peers[] = {
#ifdef LW_PEER_ONEDNN
    &lw_peer_onednn,
#endif
    NULL,
};
