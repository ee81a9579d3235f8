{{/* The settings sections that a stage gets from the platform's values, as jobs/shared/settings.py names them. */}}
{{- define "earshot.platform.lake" -}}
{{- $store := .Values.objectStore -}}
uri: s3://{{ $store.bucket }}{{ with $store.prefix }}/{{ trimAll "/" . }}{{ end }}
s3:
  region: {{ $store.region }}
{{- if eq $store.mode "minio" }}
  endpoint_url: http://{{ include "earshot.name" (list . "minio") }}:9000
{{- else if $store.external.endpointUrl }}
  endpoint_url: {{ $store.external.endpointUrl }}
{{- end }}
{{- end -}}

{{- define "earshot.platform.kafka" -}}
{{- if eq .Values.kafka.mode "strimzi" -}}
bootstrap_servers: {{ include "earshot.fullname" . }}-kafka-bootstrap:9093
security_protocol: SASL_SSL
sasl_mechanism: SCRAM-SHA-512
username: {{ include "earshot.name" (list . "platform") }}
ca_file: /etc/earshot/kafka/ca.crt
{{- else -}}
{{- $kafka := .Values.kafka.external -}}
bootstrap_servers: {{ required "kafka.external.bootstrapServers: the broker's address is needed with kafka.mode=external" $kafka.bootstrapServers | quote }}
security_protocol: {{ $kafka.securityProtocol }}
{{- if $kafka.username }}
sasl_mechanism: {{ $kafka.saslMechanism }}
username: {{ $kafka.username | quote }}
{{- end }}
{{- if $kafka.caSecret }}
ca_file: /etc/earshot/kafka/ca.crt
{{- end }}
{{- with $kafka.topicPrefix }}
topic_prefix: {{ . | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "earshot.platform.mongo" -}}
{{- if eq .Values.mongodb.mode "standalone" -}}
uri: mongodb://{{ include "earshot.name" (list . "mongodb") }}:27017/?authSource=admin
username: earshot
{{- else if eq .Values.mongodb.mode "operator" -}}
uri: mongodb://{{ include "earshot.name" (list . "mongodb") }}-svc:27017/?replicaSet={{ include "earshot.name" (list . "mongodb") }}&authSource=admin
username: earshot
{{- else -}}
uri: {{ required "mongodb.external.uri: the server's address, without credentials, is needed with mongodb.mode=external" .Values.mongodb.external.uri | quote }}
{{- with .Values.mongodb.external.username }}
username: {{ . | quote }}
{{- end }}
{{- end }}
database: {{ .Values.mongodb.database }}
{{- end -}}

{{- define "earshot.platform.spark" -}}
jars_dir: /opt/earshot/jars:/opt/earshot/jars-s3
{{- end -}}

{{/*
Arguments: root, stage. The whole settings file of a stage: what the platform knows, then the stage's own `config`, which wins.
With the Spark operator a batch stage has no master of its own: the operator submits it.
*/}}
{{- define "earshot.stage.config" -}}
{{- $root := first . -}}
{{- $stage := last . -}}
{{- $facts := get ($root.Files.Get "files/stages.yaml" | fromYaml) $stage -}}
{{- $sections := dict -}}
{{- range $facts.uses -}}
{{- $_ := set $sections . (include (printf "earshot.platform.%s" .) $root | fromYaml) -}}
{{- end -}}
{{- if and (eq $facts.engine "spark") (eq $facts.runs "batch") (eq $root.Values.spark.mode "operator") -}}
{{- $_ := set $sections.spark "master" nil -}}
{{- end -}}
{{- if and (eq $stage "fetch_metadata") $root.Values.samples.enabled -}}
{{- $host := printf "%s:8765" (include "earshot.name" (list $root "samples")) -}}
{{- $_ := set $sections "opml" (list (printf "http://%s/all.opml" $host)) -}}
{{- $_ := set $sections "http" (dict "allowed_hosts" (list $host)) -}}
{{- end -}}
{{- if and (eq $stage "transcribe") $root.Values.samples.enabled -}}
{{- $_ := set $sections "http" (dict "allowed_hosts" (list (printf "%s:8765" (include "earshot.name" (list $root "samples"))))) -}}
{{- end -}}
{{- if and (eq $stage "transcribe") $root.Values.stages.transcribe.gpu.enabled -}}
{{- $_ := set $sections "whisper" (dict "device" "cuda") -}}
{{- end -}}
{{- if eq $stage "provision" -}}
{{- $_ := set $sections "create_topics" (eq $root.Values.kafka.mode "external" | and $root.Values.kafka.external.createTopics) -}}
{{- $_ := set $sections "create_bucket" (or (eq $root.Values.objectStore.mode "minio") $root.Values.objectStore.external.createBucket) -}}
{{- if eq $root.Values.kafka.mode "external" -}}
{{- $_ := set $sections "replication_factor" (int $root.Values.kafka.external.replicationFactor) -}}
{{- end -}}
{{- end -}}
{{- $own := deepCopy ((get $root.Values.stages $stage).config | default dict) -}}
{{- mustMergeOverwrite $sections $own | toYaml -}}
{{- end -}}
