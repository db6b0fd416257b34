/**
 * What Transmission's docs/rpc-spec.md lists (4.2, rpc_version_semver 6.1.0), and
 * what the older dialect calls it: a name, `=` and the older one where it is
 * another, `:` and a kind. Kinds: b boolean, i whole number, n number, s string,
 * `[]` an array of these.
 */

/** What a field is called, and of what kind its value is. */
export interface SpecField {
  readonly name: string;
  readonly legacy: string;
  readonly kind: string;
}

function table(text: string): SpecField[] {
  return text.trim().split(/\s+/).map((word) => {
    const [names = "", kind = ""] = word.split(":");
    const [name = "", legacy = name] = names.split("=");
    return { name, legacy, kind };
  });
}

/** 3.3, and `source`, which the program has and the text has not. */
export const TORRENT = table(`
  activity_date=activityDate:i added_date=addedDate:i availability:i[]
  bandwidth_priority=bandwidthPriority:i bytes_completed=bytesCompleted:i[]
  comment:s corrupt_ever=corruptEver:i creator:s date_created=dateCreated:i
  desired_available=desiredAvailable:i done_date=doneDate:i
  download_dir=downloadDir:s downloaded_ever=downloadedEver:i
  download_limit=downloadLimit:i download_limited=downloadLimited:b
  edit_date=editDate:i error:i error_string=errorString:s eta:i eta_idle=etaIdle:i
  file_count=file-count:i files:files[] file_stats=fileStats:file_stats[] group:s
  hash_string=hashString:s have_unchecked=haveUnchecked:i have_valid=haveValid:i
  honors_session_limits=honorsSessionLimits:b id:i is_finished=isFinished:b
  is_private=isPrivate:b is_stalled=isStalled:b labels:s[]
  left_until_done=leftUntilDone:i magnet_link=magnetLink:s
  manual_announce_time=manualAnnounceTime:i
  max_connected_peers=maxConnectedPeers:i
  metadata_percent_complete=metadataPercentComplete:n name:s
  peer_limit=peer-limit:i peers:peers[] peers_connected=peersConnected:i
  peers_from=peersFrom:peers_from peers_getting_from_us=peersGettingFromUs:i
  peers_sending_to_us=peersSendingToUs:i percent_complete=percentComplete:n
  percent_done=percentDone:n pieces:s piece_count=pieceCount:i
  piece_size=pieceSize:i priorities:i[] primary_mime_type=primary-mime-type:s
  queue_position=queuePosition:i rate_download=rateDownload:i
  rate_upload=rateUpload:i recheck_progress=recheckProgress:n
  seconds_downloading=secondsDownloading:i seconds_seeding=secondsSeeding:i
  seed_idle_limit=seedIdleLimit:i seed_idle_mode=seedIdleMode:i
  seed_ratio_limit=seedRatioLimit:n seed_ratio_mode=seedRatioMode:i
  sequential_download:b sequential_download_from_piece:i
  size_when_done=sizeWhenDone:i source:s start_date=startDate:i status:i
  torrent_file=torrentFile:s total_size=totalSize:i trackers:trackers[]
  tracker_list=trackerList:s tracker_stats=trackerStats:tracker_stats[]
  uploaded_ever=uploadedEver:i upload_limit=uploadLimit:i
  upload_limited=uploadLimited:b upload_ratio=uploadRatio:n wanted:b[]
  webseeds:s[] webseeds_ex:webseeds_ex[]
  webseeds_sending_to_us=webseedsSendingToUs:i`);

/** What objects in torrents and settings hold. */
export const NESTED: Readonly<Record<string, readonly SpecField[]>> = {
  files: table(`bytes_completed=bytesCompleted:i length:i name:s begin_piece:i
    end_piece:i`),
  file_stats: table(`bytes_completed=bytesCompleted:i wanted:b priority:i`),
  peers: table(`address:s bytes_to_client:i bytes_to_peer:i
    client_is_choked=clientIsChoked:b client_is_interested=clientIsInterested:b
    client_name=clientName:s flag_str=flagStr:s
    is_downloading_from=isDownloadingFrom:b is_encrypted=isEncrypted:b
    is_incoming=isIncoming:b is_uploading_to=isUploadingTo:b is_utp=isUTP:b
    peer_id:s peer_is_choked=peerIsChoked:b
    peer_is_interested=peerIsInterested:b port:i progress:n
    rate_to_client=rateToClient:i rate_to_peer=rateToPeer:i`),
  peers_from: table(`from_cache=fromCache:i from_dht=fromDht:i
    from_incoming=fromIncoming:i from_lpd=fromLpd:i from_ltep=fromLtep:i
    from_pex=fromPex:i from_tracker=fromTracker:i`),
  trackers: table(`announce:s id:i scrape:s sitename:s tier:i`),
  tracker_stats: table(`announce:s announce_state=announceState:i
    download_count=downloadCount:i downloader_count:i
    has_announced=hasAnnounced:b has_scraped=hasScraped:b host:s id:i
    is_backup=isBackup:b last_announce_peer_count=lastAnnouncePeerCount:i
    last_announce_result=lastAnnounceResult:s
    last_announce_start_time=lastAnnounceStartTime:i
    last_announce_succeeded=lastAnnounceSucceeded:b
    last_announce_time=lastAnnounceTime:i
    last_announce_timed_out=lastAnnounceTimedOut:b
    last_scrape_result=lastScrapeResult:s
    last_scrape_start_time=lastScrapeStartTime:i
    last_scrape_succeeded=lastScrapeSucceeded:b
    last_scrape_time=lastScrapeTime:i last_scrape_timed_out=lastScrapeTimedOut:b
    leecher_count=leecherCount:i next_announce_time=nextAnnounceTime:i
    next_scrape_time=nextScrapeTime:i scrape:s scrape_state=scrapeState:i
    seeder_count=seederCount:i sitename:s tier:i`),
  webseeds_ex: table(`url:s is_downloading:b download_bytes_per_second:i`),
  units: table(`memory_bytes=memory-bytes:i memory_units=memory-units:s[]
    size_bytes=size-bytes:i size_units=size-units:s[] speed_bytes=speed-bytes:i
    speed_units=speed-units:s[]`),
  stats: table(`downloaded_bytes=downloadedBytes:i files_added=filesAdded:i
    seconds_active=secondsActive:i session_count=sessionCount:i
    uploaded_bytes=uploadedBytes:i`),
  group: table(`honors_session_limits=honorsSessionLimits:b name:s
    speed_limit_down=speed-limit-down:i
    speed_limit_down_enabled=speed-limit-down-enabled:b
    speed_limit_up=speed-limit-up:i
    speed_limit_up_enabled=speed-limit-up-enabled:b`),
};

/** 4.1 */
export const SESSION = table(`
  alt_speed_down=alt-speed-down:i alt_speed_enabled=alt-speed-enabled:b
  alt_speed_time_begin=alt-speed-time-begin:i
  alt_speed_time_day=alt-speed-time-day:i
  alt_speed_time_enabled=alt-speed-time-enabled:b
  alt_speed_time_end=alt-speed-time-end:i alt_speed_up=alt-speed-up:i
  anti_brute_force_enabled=anti-brute-force-enabled:b
  anti_brute_force_threshold=anti-brute-force-threshold:i
  blocklist_enabled=blocklist-enabled:b blocklist_size=blocklist-size:i
  blocklist_url=blocklist-url:s cache_size_mib=cache-size-mb:i
  config_dir=config-dir:s default_trackers=default-trackers:s
  dht_enabled=dht-enabled:b download_dir=download-dir:s
  download_dir_free_space=download-dir-free-space:i
  download_queue_enabled=download-queue-enabled:b
  download_queue_size=download-queue-size:i encryption:s
  idle_seeding_limit=idle-seeding-limit:i
  idle_seeding_limit_enabled=idle-seeding-limit-enabled:b
  incomplete_dir=incomplete-dir:s
  incomplete_dir_enabled=incomplete-dir-enabled:b lpd_enabled=lpd-enabled:b
  peer_limit_global=peer-limit-global:i
  peer_limit_per_torrent=peer-limit-per-torrent:i
  peer_port_random_on_start=peer-port-random-on-start:b peer_port=peer-port:i
  pex_enabled=pex-enabled:b port_forwarding_enabled=port-forwarding-enabled:b
  preferred_transports:s[] queue_stalled_enabled=queue-stalled-enabled:b
  queue_stalled_minutes=queue-stalled-minutes:i
  rename_partial_files=rename-partial-files:b reqq:i
  rpc_version_minimum=rpc-version-minimum:i
  rpc_version_semver=rpc-version-semver:s rpc_version=rpc-version:i
  script_torrent_added_enabled=script-torrent-added-enabled:b
  script_torrent_added_filename=script-torrent-added-filename:s
  script_torrent_done_enabled=script-torrent-done-enabled:b
  script_torrent_done_filename=script-torrent-done-filename:s
  script_torrent_done_seeding_enabled=script-torrent-done-seeding-enabled:b
  script_torrent_done_seeding_filename=script-torrent-done-seeding-filename:s
  seed_queue_enabled=seed-queue-enabled:b seed_queue_size=seed-queue-size:i
  seed_ratio_limit=seedRatioLimit:n seed_ratio_limited=seedRatioLimited:b
  sequential_download:b session_id=session-id:s
  speed_limit_down=speed-limit-down:i
  speed_limit_down_enabled=speed-limit-down-enabled:b
  speed_limit_up=speed-limit-up:i
  speed_limit_up_enabled=speed-limit-up-enabled:b
  start_added_torrents=start-added-torrents:b tcp_enabled=tcp-enabled:b
  trash_original_torrent_files=trash-original-torrent-files:b units:units
  utp_enabled=utp-enabled:b version:s`);

/** 4.2 */
export const STATS = table(`active_torrent_count=activeTorrentCount:i
  cumulative_stats=cumulative-stats:stats current_stats=current-stats:stats
  download_speed=downloadSpeed:i paused_torrent_count=pausedTorrentCount:i
  torrent_count=torrentCount:i upload_speed=uploadSpeed:i`);

/** Parameters of every method. */
export const PARAMETERS: Readonly<Record<string, readonly SpecField[]>> = {
  torrent_start: table("ids:ids"),
  torrent_start_now: table("ids:ids"),
  torrent_stop: table("ids:ids"),
  torrent_verify: table("ids:ids"),
  torrent_reannounce: table("ids:ids"),
  torrent_set: table(`bandwidth_priority=bandwidthPriority:i
    download_limit=downloadLimit:i download_limited=downloadLimited:b
    files_unwanted=files-unwanted:i[] files_wanted=files-wanted:i[] group:s
    honors_session_limits=honorsSessionLimits:b ids:ids labels:s[] location:s
    peer_limit=peer-limit:i priority_high=priority-high:i[]
    priority_low=priority-low:i[] priority_normal=priority-normal:i[]
    queue_position=queuePosition:i seed_idle_limit=seedIdleLimit:i
    seed_idle_mode=seedIdleMode:i seed_ratio_limit=seedRatioLimit:n
    seed_ratio_mode=seedRatioMode:i sequential_download:b
    sequential_download_from_piece:i tracker_add=trackerAdd:s[]
    tracker_list=trackerList:s tracker_remove=trackerRemove:i[]
    tracker_replace=trackerReplace:pairs upload_limit=uploadLimit:i
    upload_limited=uploadLimited:b`),
  torrent_get: table("ids:ids fields:s[] format:s"),
  torrent_add: table(
    `cookies:s download_dir=download-dir:s filename:s labels:s[]
    metainfo:s paused:b peer_limit=peer-limit:i
    bandwidth_priority=bandwidthPriority:i files_wanted=files-wanted:i[]
    files_unwanted=files-unwanted:i[] priority_high=priority-high:i[]
    priority_low=priority-low:i[] priority_normal=priority-normal:i[]
    sequential_download:b sequential_download_from_piece:i`,
  ),
  torrent_remove: table("ids:ids delete_local_data=delete-local-data:b"),
  torrent_set_location: table("ids:ids location:s move:b"),
  torrent_rename_path: table("ids:ids path:s name:s"),
  session_set: SESSION.filter(({ name }) =>
    ![
      "blocklist_size",
      "config_dir",
      "rpc_version_minimum",
      "rpc_version_semver",
      "rpc_version",
      "session_id",
      "tcp_enabled",
      "units",
      "version",
      // Deprecated: nothing can be done with what is told.
      "download_dir_free_space",
      // Guessing passwords is always slowed down.
      "anti_brute_force_enabled",
      "anti_brute_force_threshold",
    ].includes(name)
  ),
  session_get: table("fields:s[]"),
  session_stats: [],
  blocklist_update: [],
  port_test: table("ip_protocol:s"),
  session_close: [],
  queue_move_top: table("ids:ids"),
  queue_move_up: table("ids:ids"),
  queue_move_down: table("ids:ids"),
  queue_move_bottom: table("ids:ids"),
  free_space: table("path:s"),
  group_set: NESTED.group!,
  group_get: table("name:ids"),
};
