{{/* Security of every pod that we ship: what the Pod Security level `restricted` asks, and a fixed user. */}}
{{- define "earshot.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "earshot.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* Where pods may run; argument: a map with nodeSelector, tolerations, affinity, priorityClassName, topologySpreadConstraints. */}}
{{- define "earshot.scheduling" -}}
{{- range $key := list "nodeSelector" "tolerations" "affinity" "priorityClassName" "topologySpreadConstraints" }}
{{- with get $ $key }}
{{ $key }}: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Secrets of a stage as environment variables; arguments: root, list of sections that it uses. */}}
{{- define "earshot.secretEnv" -}}
{{- $root := first . -}}
{{- $uses := last . -}}
{{- if and (has "lake" $uses) (include "earshot.s3SecretName" $root) }}
- name: AWS_ACCESS_KEY_ID
  valueFrom: {secretKeyRef: {name: {{ include "earshot.s3SecretName" $root }}, key: accessKey}}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ include "earshot.s3SecretName" $root }}, key: secretKey}}
{{- end }}
{{- if and (has "kafka" $uses) (include "earshot.kafkaSecretName" $root) }}
- name: EARSHOT_KAFKA__PASSWORD
  valueFrom: {secretKeyRef: {name: {{ include "earshot.kafkaSecretName" $root }}, key: password}}
{{- end }}
{{- if and (has "mongo" $uses) (include "earshot.mongoSecretName" $root) }}
- name: EARSHOT_MONGO__PASSWORD
  valueFrom: {secretKeyRef: {name: {{ include "earshot.mongoSecretName" $root }}, key: password}}
{{- end }}
{{- end -}}

{{/* All environment variables of a stage; arguments: root, stage. */}}
{{- define "earshot.stage.env" -}}
{{- $root := first . -}}
{{- $stage := last . -}}
{{- $facts := get ($root.Files.Get "files/stages.yaml" | fromYaml) $stage -}}
{{- include "earshot.secretEnv" (list $root $facts.uses) -}}
{{- if and (eq $stage "fetch_metadata") $root.Values.podcastIndex.existingSecret }}
- name: EARSHOT_PODCAST_INDEX__KEY
  valueFrom: {secretKeyRef: {name: {{ $root.Values.podcastIndex.existingSecret }}, key: key}}
- name: EARSHOT_PODCAST_INDEX__SECRET
  valueFrom: {secretKeyRef: {name: {{ $root.Values.podcastIndex.existingSecret }}, key: secret}}
{{- end }}
{{- with (get $root.Values.stages $stage).extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Mounts and volumes of a stage: its settings, a scratch folder beside the read-only root, the broker's authority. */}}
{{- define "earshot.stage.mounts" -}}
{{- $root := first . -}}
{{- $facts := get ($root.Files.Get "files/stages.yaml" | fromYaml) (last .) -}}
- {name: config, mountPath: /etc/earshot/config.yaml, subPath: config.yaml, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- if and (has "kafka" $facts.uses) (include "earshot.kafkaCaSecretName" $root) }}
- {name: kafka-ca, mountPath: /etc/earshot/kafka, readOnly: true}
{{- end }}
{{- end -}}

{{- define "earshot.stage.volumes" -}}
{{- $root := first . -}}
{{- $stage := last . -}}
{{- $facts := get ($root.Files.Get "files/stages.yaml" | fromYaml) $stage -}}
- name: config
  configMap: {name: {{ include "earshot.name" (list $root (printf "%s-config" $stage)) }}}
- name: tmp
  emptyDir: {}
{{- if and (has "kafka" $facts.uses) (include "earshot.kafkaCaSecretName" $root) }}
- name: kafka-ca
  secret:
    secretName: {{ include "earshot.kafkaCaSecretName" $root }}
    items: [{key: ca.crt, path: ca.crt}]
{{- end }}
{{- end -}}

{{/* The pod of a stage, wherever it runs; arguments: dict root, stage, container (its name), restartPolicy. */}}
{{- define "earshot.stage.podSpec" -}}
{{- $root := .root -}}
{{- $values := get $root.Values.stages .stage -}}
{{- $gpu := $values.gpu | default dict -}}
automountServiceAccountToken: false
enableServiceLinks: false
restartPolicy: {{ .restartPolicy }}
{{- with $root.Values.global.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext: {{ include "earshot.podSecurity" 10001 | nindent 2 }}
{{- if $gpu.enabled }}
{{- with $gpu.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- include "earshot.scheduling" (mergeOverwrite (deepCopy $values) (dict "nodeSelector" (merge (dict) ($values.nodeSelector | default dict) $gpu.nodeSelector) "tolerations" (concat ($values.tolerations | default list) $gpu.tolerations))) }}
{{- else }}
{{- include "earshot.scheduling" $values }}
{{- end }}
containers:
  - name: {{ .container }}
    image: {{ include "earshot.image" (list $root $values.image (printf "earshot-%s" (.stage | replace "_" "-"))) }}
    imagePullPolicy: {{ $root.Values.global.imagePullPolicy }}
    {{- with .args }}
    args: {{ toJson . }}
    {{- end }}
    env: {{ include "earshot.stage.env" (list $root .stage) | default "[]" | nindent 6 }}
    resources: {{ include "earshot.stage.resources" $values | nindent 6 }}
    securityContext: {{ include "earshot.containerSecurity" . | nindent 6 }}
    volumeMounts: {{ include "earshot.stage.mounts" (list $root .stage) | nindent 6 }}
volumes: {{ include "earshot.stage.volumes" (list $root .stage) | nindent 2 }}
{{- end -}}

{{/* Requests and limits of a stage, with its GPU where it has one; argument: the stage's values. */}}
{{- define "earshot.stage.resources" -}}
{{- $resources := deepCopy .resources -}}
{{- if (.gpu | default dict).enabled -}}
{{- $_ := set $resources "limits" (merge (dict "nvidia.com/gpu" (int .gpu.count)) ($resources.limits | default dict)) -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end -}}
