{{/* A batch Spark stage for the Spark operator; arguments: root, stage. Airflow retries, so the operator does not. */}}
{{- define "earshot.stage.sparkApplication" -}}
{{- $root := first . -}}
{{- $stage := last . -}}
{{- $values := get $root.Values.stages $stage -}}
{{- $classPath := "/opt/earshot/jars/*:/opt/earshot/jars-s3/*" -}}
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata:
  name: {{ include "earshot.name" (list $root $stage) }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{ include "earshot.podLabels" (list $root $stage) | nindent 4 }}
spec:
  type: Python
  mode: cluster
  sparkVersion: {{ $root.Values.spark.version | quote }}
  image: {{ include "earshot.image" (list $root $values.image (printf "earshot-%s" ($stage | replace "_" "-"))) }}
  imagePullPolicy: {{ $root.Values.global.imagePullPolicy }}
  {{- with $root.Values.global.imagePullSecrets }}
  imagePullSecrets: {{ range . }}
    - {{ .name }}
  {{- end }}
  {{- end }}
  mainApplicationFile: local:///opt/earshot/jobs/{{ $stage }}/__main__.py
  restartPolicy: {type: Never}
  timeToLiveSeconds: {{ int $root.Values.spark.timeToLiveSeconds }}
  sparkConf:
    spark.driver.extraClassPath: {{ $classPath }}
    spark.executor.extraClassPath: {{ $classPath }}
  volumes: {{ include "earshot.stage.volumes" (list $root $stage) | nindent 4 }}
  driver: {{ include "earshot.stage.sparkPod" (dict "root" $root "stage" $stage "resources" $values.resources "memory" $values.spark.driverMemory) | nindent 4 }}
    serviceAccount: {{ include "earshot.name" (list $root "spark") }}
  executor: {{ include "earshot.stage.sparkPod" (dict "root" $root "stage" $stage "resources" $values.spark.executor.resources "memory" $values.spark.executor.memory) | nindent 4 }}
    instances: {{ int $values.spark.executor.instances }}
{{- end -}}

{{/* What driver and executor share. Spark sets requests and limits of memory itself, from memory and memoryOverhead. */}}
{{- define "earshot.stage.sparkPod" -}}
cores: 1
coreRequest: {{ .resources.requests.cpu | quote }}
{{- with .resources.limits.cpu }}
coreLimit: {{ . | quote }}
{{- end }}
memory: {{ .memory }}
memoryOverhead: {{ (get .root.Values.stages .stage).spark.memoryOverhead }}
labels: {{ include "earshot.podLabels" (list .root .stage) | nindent 2 }}
env: {{ include "earshot.stage.env" (list .root .stage) | default "[]" | nindent 2 }}
volumeMounts: {{ include "earshot.stage.mounts" (list .root .stage) | nindent 2 }}
podSecurityContext: {{ include "earshot.podSecurity" 10001 | nindent 2 }}
securityContext: {{ include "earshot.containerSecurity" . | nindent 2 }}
  runAsNonRoot: true
  runAsUser: 10001
  seccompProfile: {type: RuntimeDefault}
{{- include "earshot.scheduling" (pick (get .root.Values.stages .stage) "nodeSelector" "tolerations" "affinity") }}
{{- end -}}
